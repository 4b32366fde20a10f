"""The units that may follow a number, each with what it measures and how many of the first of its kind it is.

Only what stands here is a unit: AM and PM, months, letters and ordinals are not.
"""

from __future__ import annotations

import re

Unit = tuple[str, float]
"""What is measured, and the factor."""

_PREFIXES = "1 | 1e3 k | 1e-3 m | 1e-2 c | 1e-1 d | 1e-6 μ µ u | 1e-9 n | 1e-12 p | 1e6 M | 1e9 G"
_SYMBOLS = (
    "length m | mass g | time s | current A | voltage V | power W | energy J | force N | pressure Pa | frequency Hz | "
    "resistance Ω ohm | capacitance F | charge C | volume L l | amount mol | electronvolt eV | calorie cal | field T | "
    "inductance H | watt-hour Wh | kelvin K | bytes B byte | bits b bit | molar M"
)
# What is measured, then how many of its first unit each of these is; a name stands here small and in the singular.
_TABLE = """
length: 1 meter, metre, 米, メートル, 미터, метр, м, mètre, metro | 1000 kilometer, kilometre, 千米, 公里, км |
    0.01 centimeter, centimetre, 厘米, см, 센티미터, センチ, センチメートル, centimètre, centímetro, zentimeter |
    0.001 millimeter, millimetre, 毫米 | 1e-06 micrometer | 1e-09 nanometer | 0.0254 inch, inches, in, " |
    0.3048 foot, feet, ft | 0.9144 yard, yd | 1609.344 mile, mi | 9.4607e+15 light-year
mass: 1 gram, gramme, 克, г | 1000 kilogram, 千克, 公斤, кг | 0.001 milligram | 1000000 tonne, ton |
    453.592 pound, lb, lbs | 28.3495 ounce, oz
time: 1 second, sec, 秒, секунд | 60 minute, min, mins, 分钟, 分鐘, минут, minuto |
    3600 hour, hr, h, 小时, 小時, 時間, час, hora, heure, stunde | 86400 day, 天, tag | 604800 week |
    0.001 millisecond, ms
months: 1 month, 个月, 個月 | 12 year, yr, 年, 岁, 歲, год, jahr, année, año | 120 decade | 1200 century
angle: 1 °, degree, deg, 度, 도, grad, градус, grado, degré, grau | 57.2957795131 radian, rad
celsius: 1 °c, ℃, degree celsius, celsius
fahrenheit: 1 °f, ℉, degree fahrenheit, fahrenheit
kelvin: 1 kelvin
volume: 1 liter, litre, 升 | 0.001 milliliter, millilitre, cc, 毫升 | 3.78541 gallon, gal | 0.946353 quart |
    0.473176 pint | 0.236588 cup
area: 4046.86 acre | 10000 hectare, ha | 1 square meter, square metre, 平方米, sq m |
    0.0001 square centimeter, 平方厘米, sq cm | 0.092903 square foot, square feet, sq ft | 0.00064516 square inch |
    2589990 square mile | 1000000 square kilometer
volume of space: 1 cubic meter, 立方米 | 1e-06 cubic centimeter, 立方厘米 | 0.0283168 cubic foot, cubic feet |
    1.6387e-05 cubic inch
speed: 0.44704 mph, mile per hour, miles per hour | 0.277777777778 kph, km/h, kilometers per hour, kmh |
    1 m/s, meter per second, meters per second | 0.514444 knot | 0.3048 fps
acceleration: 1 m/s^2, m/s2, m/s² | 0.01 cm/s^2, cm/s²
energy: 1 joule | 1e-07 erg
power: 1 watt | 1000 kilowatt | 745.7 horsepower, hp
voltage: 1 volt
current: 1 ampere, amp
resistance: 1 ohm
force: 1 newton
pressure: 1 pascal | 101325 atm | 100000 bar | 6894.76 psi | 133.322 mmhg, torr
frequency: 1 hertz | 0.0166666666667 rpm
amount: 1 mole
loudness: 1 db, decibel
acidity: 1 ph
bytes: 1 byte | 1000000000 gigabyte, gb | 1000000 megabyte, mb | 1000 kilobyte, kb | 1e+12 tb
pixels: 1 px, pixel
calorie: 1 calorie | 1000 kilocalorie
dollars: 1 $, us$, usd, dollar, us dollar, c$, 美元 | 0.01 cent, ¢
euros: 1 €, eur, euro
pounds: 1 £, gbp | 0.01 pence
yen: 1 ¥, jpy, yen, 円, 元, cny, rmb, yuan
rupees: 1 ₹, rs, rs., inr, rupee
won: 1 ₩, won, 원
roubles: 1 ₽, rub, rouble, ruble
share: 1 %, percent, per cent, pct, percentage point, prozent, pour cent, por ciento, por cento |
    1 процент, процентов, 퍼센트, パーセント, %p
count: 1 times, time, unit, x, square unit, cubic unit
"""
_SQUARED = re.compile(r"(.+?)\s*(?:\^\{?([23])\}?|([²³])|(?<=[a-z])([23]))")
CURRENCY = frozenset("$€£¥₹₩₽")


def _symbols() -> dict[str, Unit]:
    """Every symbol with every prefix."""
    prefixes = [(float(each[0]), each[1:] or [""]) for each in (group.split() for group in _PREFIXES.split("|"))]
    return {
        prefix + symbol: (measure, factor)
        for measure, *symbols in (group.split() for group in _SYMBOLS.split("|"))
        for symbol in symbols
        for factor, names in prefixes
        for prefix in names
    }


def _named() -> dict[str, Unit]:
    table: dict[str, Unit] = {}
    for line in _TABLE.replace("|\n", "|").strip().splitlines():
        measure, _, factors = line.partition(": ")
        for group in factors.split("|"):
            factor, _, names = group.strip().partition(" ")
            table.update((name, (measure, float(factor))) for name in names.split(", "))
    return table


_NAMES, _WITH_PREFIX = _named(), _symbols()


def unit_of(text: str) -> Unit | None:
    """What a text such as `cm`, `km/h`, `square feet` or `N·m` measures, and its factor; None: it is no unit."""
    said = " ".join(text.split()).removesuffix(".")
    low = said.lower()
    for name in (low, low.removesuffix("s"), low.removesuffix("es")):
        if name in _NAMES:
            return _NAMES[name]
    if said in _WITH_PREFIX:
        return _WITH_PREFIX[said]
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
