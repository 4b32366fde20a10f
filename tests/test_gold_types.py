"""The type that a gold answer deserves, and which answers are the same by it: never by arithmetic on what is none."""

from __future__ import annotations

import pytest

from insightv_bench.answers import STORED, matches, number_value, type_of


@pytest.mark.parametrize(
    ("gold", "kind"),
    [
        ("7", "number"),
        ("-3.5", "number"),
        ("1,250", "number"),
        ("3/4", "number"),
        ("2 1/2", "number"),
        ("½", "number"),
        ("6.02 \\times 10^{23}", "number"),
        ("1.2M", "number"),
        ("7 cm", "quantity"),
        ("$7", "quantity"),
        ("7%", "quantity"),
        ("90°", "quantity"),
        ("25 km/h", "quantity"),
        ("2021-03-04", "date"),
        ("March 4, 2021", "date"),
        ("4 Mar 2021", "date"),
        ("2:30 PM", "time"),
        ("2 AM", "time"),
        ("14:05", "time"),
        ("30-39", "range"),
        ("2019-2020", "range"),
        ("20 to 29", "range"),
        ("16:9", "ratio"),
        ("1:2:3", "ratio"),
        ("H2O", "code"),
        ("1B", "code"),
        ("v1.2.3", "code"),
        ("1920x1080", "code"),
        ("New Zealand", "name"),
        ("red and blue", "text"),
        ("5 or less", "text"),
        ("[1, 2, 3]", "list"),
        ("2\\sqrt{3}", "math"),
        ("2√3", "math"),
        ("x+1", "math"),
        ("1 - \\frac{1}{e}", "math"),
        ("yes", "yes_no"),
    ],
)
def test_a_gold_has_the_type_that_it_deserves(gold: str, kind: str) -> None:
    assert type_of(gold) == kind


def test_options_make_a_choice_and_a_stated_type_wins() -> None:
    assert type_of("B", ("red", "blue")) == "option"
    assert type_of("2019-2020", stated="text") == "text"
    assert type_of("7", stated="expression") == "math"


@pytest.mark.parametrize(
    ("answer", "gold"),
    [
        ("40-49", "30-39"),
        ("30-39", "30-49"),
        ("30", "30-39"),
        ("2018-2019", "2019-2020"),
        ("2021-03-05", "2021-03-04"),
        ("2020-03-04", "2021-03-04"),
        ("March 5, 2021", "March 4, 2021"),
        ("March 2021", "April 2021"),
        ("3 AM", "3 PM"),
        ("3", "3 PM"),
        ("3:30", "3:30 PM"),
        ("3:31 PM", "3:30 PM"),
        ("9:16", "16:9"),
        ("16", "16:9"),
        ("1080x1920", "1920x1080"),
        ("2A", "2B"),
        ("2", "2B"),
        ("2B", "2"),
        ("HO2", "H2O"),
        ("CO", "CO2"),
        ("1.2.4", "1.2.3"),
        ("20th Century", "20th Century Fox"),
        ("19th Century Fox", "20th Century Fox"),
        ("2nd", "3rd"),
        ("7 or more", "7 or less"),
        ("7", "7 or less"),
        ("more than 7", "less than 7"),
        ("vitamin", "vitamin A"),
        ("type", "type A"),
        ("7 km", "7 cm"),
        ("7 minutes", "7 seconds"),
        ("€7", "$7"),
        ("7 M", "7 B"),
        ("7 million", "7 billion"),
        ("7", "7 million"),
        ("2", "2√3"),
        ("3", "3½"),
        ("4", "4²"),
        ("5", "√5"),
        ("5!", "5"),
        ("-7", "7"),
        ("6:5", "5:6"),
        ("x-1", "x+1"),
        ("1+\\frac{1}{\\mathrm{e}}", "1-\\frac{1}{\\mathrm{e}}"),
        ("7 dogs", "7 cats"),
        ("May", "March"),
        ("1/2", "1/3"),
        ("0.5%", "50%"),
    ],
)
def test_what_differs_is_never_called_the_same(answer: str, gold: str) -> None:
    pytest.importorskip("math_verify")
    assert not matches(answer, gold, STORED[type_of(gold)])


@pytest.mark.parametrize(
    ("answer", "gold"),
    [
        ("30–39", "30-39"),
        ("30 to 39", "30-39"),
        ("30-39 years", "30-39"),
        ("4 March 2021", "2021-03-04"),
        ("March 4th, 2021", "March 4, 2021"),
        ("3:30 p.m.", "3:30 PM"),
        ("15:30", "3:30 PM"),
        ("3:30 PM", "3:30"),
        ("1920 x 1080", "1920x1080"),
        ("H₂O", "H2O"),
        ("$\\mathrm{H_2O}$", "H2O"),
        ("7", "7 cm"),
        ("70 mm", "7 cm"),
        ("7 centimeters", "7 cm"),
        ("7 dollars", "$7"),
        ("1250", "1,250"),
        ("1 250", "1,250"),
        ("1.250.000", "1,250,000"),
        ("1.250,5", "1250.5"),
        ("3,5", "3.5"),
        ("2.5", "2\\frac{1}{2}"),
        ("2½", "2.5"),
        ("2 1/2", "2.5"),
        ("\\frac12", "0.5"),
        ("3.2e5", "320000"),
        ("3.2 × 10^5", "320,000"),
        ("1.2M", "1.2 million"),
        ("$1.2M", "$1.2 million"),
        ("25%", "0.25"),
        ("25", "25%"),
        ("25 percent", "25%"),
        ("seven", "7"),
        ("twenty-five", "25"),
        ("7", "7 apples"),
        ("2\\sqrt{3}", "2√3"),
        ("2√{3}", "2\\sqrt{3}"),
        ("x^2", "x²"),
        ("9π", "9π cm"),
        ("20th century fox", "20th Century Fox"),
        ("the red bar", "Red bar"),
        ("3 : 2", "3:2"),
        ("90 degrees", "90°"),
        ("[1,2,3]", "[1, 2, 3]"),
    ],
)
def test_spellings_of_the_same_answer_are_the_same(answer: str, gold: str) -> None:
    pytest.importorskip("math_verify")
    assert matches(answer, gold, STORED[type_of(gold)])


@pytest.mark.parametrize(
    "text", ["2 AM", "3rd", "5 or less", "√5", "2^{10}", "5!", "1-2", "3:4", "B", "May 3", "", "1 2 3"]
)
def test_what_is_no_number_has_no_value(text: str) -> None:
    assert number_value(text) is None


def test_powers_of_ten_are_read_in_every_spelling() -> None:
    assert [number_value(text) for text in ("3×10⁵", "3 x 10^5", "3*10^{5}", "3e5", "3×10⁻²")] == [
        3e5,
        3e5,
        3e5,
        3e5,
        0.03,
    ]
