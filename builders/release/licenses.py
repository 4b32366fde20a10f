"""Licences as people write them -> identifiers of the Hub's list, which its cards are checked against."""

from __future__ import annotations

import re

UNKNOWN, OTHER = "unknown", "other"
COMMONS = {f"cc-by-{version}" for version in ("2.0", "2.5", "3.0", "4.0")} | {"cc", "cc0-1.0", "cc-by-nd-4.0"}
COMMONS |= {f"cc-by-{terms}-{version}" for terms in ("sa", "nc", "nc-nd", "nc-sa") for version in ("3.0", "4.0")}
COMMONS |= {"cc-by-nc-2.0", "cc-by-nc-sa-2.0"}
LISTED = COMMONS | {
    *("apache-2.0", "mit", "openrail", "openrail++", "bigscience-openrail-m", "creativeml-openrail-m"),
    *("bigscience-bloom-rail-1.0", "bigcode-openrail-m", "afl-3.0", "artistic-2.0", "bsl-1.0", "bsd", "bsd-2-clause"),
    *("bsd-3-clause", "bsd-3-clause-clear", "c-uda", "cdla-sharing-1.0", "cdla-permissive-1.0", "cdla-permissive-2.0"),
    *("wtfpl", "ecl-2.0", "epl-1.0", "epl-2.0", "etalab-2.0", "eupl-1.1", "eupl-1.2", "agpl-3.0", "gfdl", "gpl"),
    *("gpl-2.0", "gpl-3.0", "lgpl", "lgpl-2.1", "lgpl-3.0", "isc", "intel-research", "lppl-1.3c", "ms-pl"),
    *(
        "apple-ascl",
        "apple-amlr",
        "mpl-2.0",
        "odc-by",
        "odbl",
        "openmdw-1.0",
        "osl-3.0",
        "postgresql",
        "ofl-1.1",
        "ncsa",
    ),
    *("unlicense", "zlib", "pddl", "lgpl-lr", "deepfloyd-if-license", "fair-noncommercial-research-license", "llama2"),
    *("llama3", "llama3.1", "llama3.2", "llama3.3", "llama4", "gemma", UNKNOWN, OTHER),
}
"""https://huggingface.co/docs/hub/repositories-licenses"""
SPELT = {
    **dict.fromkeys(("the mit", "expat"), "mit"),
    **dict.fromkeys(("apache", "apache 2", "apache 2.0", "apache version 2.0", "apache-2", "asl 2.0"), "apache-2.0"),
    **dict.fromkeys(("cc0", "cc 0", "cc zero", "cc0 1.0", "cc0 1.0 universal", "public domain"), "cc0-1.0"),
    **dict.fromkeys(("gplv3", "gpl v3", "gpl-3", "gnu gplv3", "gnu gpl v3", "gnu general public v3.0"), "gpl-3.0"),
    **dict.fromkeys(("gplv2", "gpl v2", "gpl-2"), "gpl-2.0"),
    **dict.fromkeys(("", "none", "n/a", "not stated", "unspecified"), UNKNOWN),
}
WORDS = {"creative commons": "cc", "attribution": "by", "noncommercial": "nc", "non-commercial": "nc"}
WORDS |= {"non commercial": "nc", "sharealike": "sa", "share-alike": "sa", "share alike": "sa", "noderivatives": "nd"}
WORDS |= {"noderivs": "nd", "no derivatives": "nd"}
_COMMONS = re.compile(
    r"cc[ -]*by((?:[ -]*(?:nc|sa|nd))*)[ -]*v?(\d\.\d)?(?: (?:international|unported|deed|igo|generic))*"
)


def license_id(written: str) -> str:
    """`CC BY-NC 4.0` as `cc-by-nc-4.0`; `other` where the list has none that is meant, `unknown` where none is told."""
    text = re.sub(r"\s*\([^)]*\)\s*$", "", written.lower().replace("_", "-").replace(",", " "))
    text = " ".join(re.sub(r"\b(?:license|licence)d?\b", " ", text).split()).strip(" .")
    for words, short in WORDS.items():
        text = text.replace(words, short)
    commons = _COMMONS.fullmatch(text)
    if commons:
        terms = [term for term in ("nc", "nd", "sa") if term in commons[1]]
        text = "-".join(["cc-by", *terms, *filter(None, [commons[2]])])
    text = SPELT.get(text, text)
    text = text if text in LISTED else re.sub(r"[ -]+", "-", text)
    return text if text in LISTED else OTHER
