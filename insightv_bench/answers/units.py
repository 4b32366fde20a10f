"""The units that may follow a number, each with what it measures and how many of the first of its kind it is.

Only what stands here is a unit: AM and PM, months, letters and ordinals are not.
"""

from __future__ import annotations

import re

Unit = tuple[str, float]
"""What is measured, and the factor."""

_PREFIXED = {"": 1.0, "k": 1e3, "m": 1e-3, "c": 1e-2, "d": 1e-1, "μ": 1e-6, "µ": 1e-6, "u": 1e-6, "n": 1e-9, "M": 1e6, "G": 1e9, "p": 1e-12}
_BASES = {
    **{"m": "length", "g": "mass", "s": "time", "A": "current", "V": "voltage", "W": "power", "J": "energy", "N": "force"},
    **{"Pa": "pressure", "Hz": "frequency", "Ω": "resistance", "ohm": "resistance", "F": "capacitance", "C": "charge"},
    **{"L": "volume", "l": "volume", "mol": "amount", "eV": "electronvolt", "cal": "calorie", "T": "field", "H": "inductance"},
    **{"Wh": "watt-hour", "K": "kelvin", "B": "bytes", "b": "bits", "bit": "bits", "byte": "bytes", "M": "molar"},
}
# By measure: names (lower case, singular) and how many of the measure's first unit each is.
_NAMED: dict[str, dict[str, float]] = {
    "length": {
        **{"meter": 1, "metre": 1, "kilometer": 1e3, "kilometre": 1e3, "centimeter": 1e-2, "centimetre": 1e-2, "millimeter": 1e-3},
        **{"millimetre": 1e-3, "micrometer": 1e-6, "nanometer": 1e-9, "inch": 0.0254, "inches": 0.0254, "in": 0.0254, '"': 0.0254},
        **{"foot": 0.3048, "feet": 0.3048, "ft": 0.3048, "yard": 0.9144, "yd": 0.9144, "mile": 1609.344, "mi": 1609.344},
        **{"light-year": 9.4607e15, "米": 1, "厘米": 1e-2, "毫米": 1e-3, "千米": 1e3, "公里": 1e3, "メートル": 1, "미터": 1, "метр": 1, "см": 1e-2, "м": 1, "км": 1e3},
        **{"센티미터": 1e-2, "センチ": 1e-2, "センチメートル": 1e-2, "mètre": 1, "metro": 1, "centimètre": 1e-2, "centímetro": 1e-2, "zentimeter": 1e-2},
    },
    "mass": {
        **{"gram": 1, "gramme": 1, "kilogram": 1e3, "milligram": 1e-3, "tonne": 1e6, "pound": 453.592, "lb": 453.592, "lbs": 453.592},
        **{"ounce": 28.3495, "oz": 28.3495, "ton": 1e6, "克": 1, "千克": 1e3, "公斤": 1e3, "кг": 1e3, "г": 1},
    },
    "time": {
        **{"second": 1, "sec": 1, "minute": 60, "min": 60, "mins": 60, "hour": 3600, "hr": 3600, "h": 3600, "day": 86400},
        **{"week": 604800, "millisecond": 1e-3, "ms": 1e-3, "秒": 1, "分钟": 60, "分鐘": 60, "小时": 3600, "小時": 3600, "天": 86400, "時間": 3600},
        **{"секунд": 1, "минут": 60, "час": 3600, "hora": 3600, "minuto": 60, "heure": 3600, "stunde": 3600, "tag": 86400},
    },
    "months": {"month": 1, "year": 12, "yr": 12, "decade": 120, "century": 1200, "年": 12, "个月": 1, "個月": 1, "岁": 12, "歲": 12, "год": 12, "jahr": 12, "année": 12, "año": 12},
    "angle": {"°": 1, "degree": 1, "deg": 1, "radian": 57.29577951308232, "rad": 57.29577951308232, "度": 1, "도": 1, "grad": 1, "градус": 1, "grado": 1, "degré": 1, "grau": 1},
    "celsius": {"°c": 1, "℃": 1, "degree celsius": 1, "celsius": 1},
    "fahrenheit": {"°f": 1, "℉": 1, "degree fahrenheit": 1, "fahrenheit": 1},
    "kelvin": {"kelvin": 1},
    "volume": {"liter": 1, "litre": 1, "milliliter": 1e-3, "millilitre": 1e-3, "gallon": 3.78541, "gal": 3.78541, "quart": 0.946353, "pint": 0.473176, "cup": 0.236588, "cc": 1e-3, "升": 1, "毫升": 1e-3},
    "area": {"acre": 4046.86, "hectare": 1e4, "ha": 1e4, "square meter": 1, "square metre": 1, "square centimeter": 1e-4, "square foot": 0.092903, "square feet": 0.092903, "square inch": 0.00064516, "square mile": 2.58999e6, "square kilometer": 1e6, "平方厘米": 1e-4, "平方米": 1, "sq ft": 0.092903, "sq cm": 1e-4, "sq m": 1},
    "volume of space": {"cubic meter": 1, "cubic centimeter": 1e-6, "cubic foot": 0.0283168, "cubic feet": 0.0283168, "cubic inch": 1.6387e-5, "立方厘米": 1e-6, "立方米": 1},
    "speed": {"mph": 0.44704, "kph": 1 / 3.6, "km/h": 1 / 3.6, "m/s": 1, "mile per hour": 0.44704, "miles per hour": 0.44704, "kilometers per hour": 1 / 3.6, "meter per second": 1, "meters per second": 1, "knot": 0.514444, "kmh": 1 / 3.6, "fps": 0.3048},
    "acceleration": {"m/s^2": 1, "m/s2": 1, "m/s²": 1, "cm/s^2": 1e-2, "cm/s²": 1e-2},
    "energy": {"joule": 1, "erg": 1e-7},
    "power": {"watt": 1, "kilowatt": 1e3, "horsepower": 745.7, "hp": 745.7},
    "voltage": {"volt": 1}, "current": {"ampere": 1, "amp": 1}, "resistance": {"ohm": 1}, "force": {"newton": 1},
    "pressure": {"pascal": 1, "atm": 101325, "bar": 1e5, "psi": 6894.76, "mmhg": 133.322, "torr": 133.322},
    "frequency": {"hertz": 1, "rpm": 1 / 60},
    "amount": {"mole": 1}, "loudness": {"db": 1, "decibel": 1}, "acidity": {"ph": 1},
    "bytes": {"byte": 1, "gigabyte": 1e9, "megabyte": 1e6, "kilobyte": 1e3, "gb": 1e9, "mb": 1e6, "kb": 1e3, "tb": 1e12},
    "pixels": {"px": 1, "pixel": 1}, "calorie": {"calorie": 1, "kilocalorie": 1e3},
    "dollars": {"$": 1, "us$": 1, "usd": 1, "dollar": 1, "us dollar": 1, "cent": 0.01, "¢": 0.01, "c$": 1, "美元": 1},
    "euros": {"€": 1, "eur": 1, "euro": 1}, "pounds": {"£": 1, "gbp": 1, "pence": 0.01}, "yen": {"¥": 1, "jpy": 1, "yen": 1, "円": 1, "元": 1, "cny": 1, "rmb": 1, "yuan": 1},
    "rupees": {"₹": 1, "rs": 1, "rs.": 1, "inr": 1, "rupee": 1}, "won": {"₩": 1, "won": 1, "원": 1}, "roubles": {"₽": 1, "rub": 1, "rouble": 1, "ruble": 1},
    "share": {"%": 1, "percent": 1, "per cent": 1, "pct": 1, "percentage point": 1, "prozent": 1, "pour cent": 1, "por ciento": 1, "por cento": 1, "процент": 1, "процентов": 1, "퍼센트": 1, "パーセント": 1, "%p": 1},
    "count": {"times": 1, "time": 1, "unit": 1, "x": 1, "square unit": 1, "cubic unit": 1},
}
_SQUARED = re.compile(r"(.+?)\s*(?:\^\{?([23])\}?|([²³])|(?<=[a-z])([23]))")
CURRENCY = frozenset("$€£¥₹₩₽")


def _table() -> dict[str, Unit]:
    table: dict[str, Unit] = {}
    for base, measure in _BASES.items():
        for prefix, factor in _PREFIXED.items():
            table[prefix + base] = (measure, factor)
    return table


_SYMBOLS = _table()
_NAMES = {name: (measure, float(factor)) for measure, names in _NAMED.items() for name, factor in names.items()}


def unit_of(text: str) -> Unit | None:
    """What a text such as `cm`, `km/h`, `square feet` or `N·m` measures, and its factor; None: it is no unit."""
    said = " ".join(text.split()).removesuffix(".")
    low = said.lower()
    for name in (low, low.removesuffix("s"), low.removesuffix("es")):
        if name in _NAMES:
            return _NAMES[name]
    if said in _SYMBOLS:
        return _SYMBOLS[said]
    power = _SQUARED.fullmatch(said)
    if power and (base := unit_of(power[1])) and base[0] == "length":
        number = int((power[2] or power[4] or "") or ("2" if power[3] == "²" else "3"))
        return ("area" if number == 2 else "volume of space"), base[1] ** number
    if power and (base := unit_of(power[1])):
        number = int((power[2] or power[4] or "") or ("2" if power[3] == "²" else "3"))
        return f"{base[0]}^{number}", base[1] ** number
    for sign, name in (("/", "/"), (" per ", "/"), ("·", "*"), ("-", "*"), ("*", "*"), (" ", "*")):
        if sign in said:
            left, _, right = said.partition(sign)
            one, other = unit_of(left), unit_of(right)
            if not one or not other or (sign == " " and min(len(left), len(right)) > 3):
                return None
            factor = one[1] / other[1] if name == "/" else one[1] * other[1]
            return f"{one[0]}{name}{other[0]}", factor
    return None
