"""Replies as models write them, in eleven languages: what each answers, or that nothing can be read in it."""

from __future__ import annotations

from collections.abc import Sequence

import pytest

from insightv_bench.answers import read, type_of
from insightv_bench.records import AnswerType

CASES: list[tuple[AnswerType, tuple[str, ...], list[tuple[str, str | None]]]] = [
    (
        "option",
        ("red", "blue", "green", "yellow"),
        [
            ("The answer (B) is correct.", "B"),
            ("**Answer: C**", "C"),
            ("B\n\nbecause it is blue", "B"),
            ("答案是C。", "C"),
            ("정답: C", "C"),
            ("正解はBです。", "B"),
            ("Die richtige Antwort ist (C).", "C"),
            ("La bonne réponse est la B.", "B"),
            ("La respuesta correcta es la opción D.", "D"),
            ("A resposta correta é a letra A.", "A"),
            ("Правильный ответ — B.", "B"),
            ("الإجابة الصحيحة هي B", "B"),
            ("सही उत्तर C है।", "C"),
            ("The wrong answer is A, so it is B.", "B"),
            ("The wrong answer is A.", None),
            ("Both A and B are correct.", None),
            ("A or B", None),
            ("None of the above.", None),
            ("I think the colour is blue, not red.", "B"),
            ("It's not blue.", None),
            ("blue.", "B"),
            ("Blue!", "B"),
            ("The object is Blue", "B"),
            ("(B) red", None),
            ("(A) red", "A"),
            ("Answer: B. blue because of the sky", "B"),
            ("Answer: B) red", None),
            ("$\\boxed{C}$", "C"),
            ("\\boxed{\\text{C}}", "C"),
            ("\\boxed{green}", "C"),
            ("The final answer is $\\boxed{\\text{(D) yellow}}$.", "D"),
            ("<think>A? B?</think>C", "C"),
            ("<answer>C</answer>", "C"),
            ("<think>So it is A", None),
            ("Option B: blue", "B"),
            ("Option (B)", "B"),
            ("b", "B"),
            ("b)", "B"),
            ("(b)", "B"),
            ("[B]", "B"),
            ("Answer - B", "B"),
            ("选B", "B"),
            ("故选：D。", "D"),
            ("所以答案为：（A）", "A"),
            ("答案：選項C", "C"),
            ("따라서 정답은 B입니다.", "B"),
            ("答えは選択肢Cです。", "C"),
            ("したがって、正解は（D）です。", "D"),
            ("Somit ist Antwort B richtig.", "B"),
            ("Antwort: B", "B"),
            ("La réponse correcte est donc : C", "C"),
            ("Réponse : C) green", "C"),
            ("Por lo tanto, la respuesta es B.", "B"),
            ("Portanto, a alternativa correta é C.", "C"),
            ("Ответ: C", "C"),
            ("Верный вариант: D", "D"),
            ("الجواب: C", "C"),
            ("उत्तर: (B)", "B"),
            ("सही विकल्प: D", "D"),
            ("I'm going with B.", "B"),
            ("My answer: (C)", "C"),
            ("So, the correct choice would be D.", "D"),
            ("It must be C", "C"),
            ("Thus the best option is **(B) blue**.", "B"),
            ("## Answer\n\nC", "C"),
            ("**Final Answer:**\n\n**B**", "B"),
            ("Final answer: $\\mathbf{B}$", "B"),
            ("```\nB\n```", "B"),
            ("`B`", "B"),
            ('"B"', "B"),
            ("Answer:B", "B"),
            ("ANSWER: B", "B"),
            ("Ans: C", "C"),
            ("The answer is: \n\nD", "D"),
            ("A) red is wrong. B) blue is wrong. C) green is right.", "C"),
            ("It can't be A or B. C is too small. Therefore D.", "D"),
            ("The answer is not A; it is C.", "C"),
            ("The answer is A. Wait, no, the answer is C.", "C"),
            ("Initially I thought B, but the answer is D.", "D"),
            ("If the answer were A, then x. Hence the answer is B.", "B"),
            ("B<|im_end|>", "B"),
            ("B</s>", "B"),
            ("B<|eot_id|>", "B"),
            ("<|begin_of_box|>B<|end_of_box|>", "B"),
            ("<CONCLUSION>B</CONCLUSION>", "B"),
            (
                "<SUMMARY>s</SUMMARY><CAPTION>c</CAPTION><REASONING>A</REASONING><CONCLUSION>Answer: C.</CONCLUSION>",
                "C",
            ),
            ("◁think▷A◁/think▷\n\n**Answer:** B", "B"),
            ("[THINK]A[/THINK]B", "B"),
            ("<|channel|>analysis<|message|>A<|end|><|start|>assistant<|channel|>final<|message|>B", "B"),
            ("A</think>B", "B"),
            ("<thinking>\nThe answer is A\n</thinking>\nThe answer is D", "D"),
            ("<reasoning>x</reasoning><answer>(C)</answer>", "C"),
            ("### The final answer is: C", "C"),
            ("Ｂ", "B"),
            ("（Ｃ）", "C"),
            ("答案：Ｄ", "D"),
            ("B\u200b", "B"),
            ("**B**.", "B"),
            ("_B_", "B"),
            ("<b>B</b>", "B"),
            ("&quot;B&quot;", "B"),
            ("I cannot see the image, so I would guess B.", None),
            ("I don't know.", None),
            ("Sorry, I can't help with that.", None),
            ("", None),
            ("A person is standing there.", None),
            ("I am not sure.", None),
            ("Vitamin A is needed.", None),
            ("Plan B was chosen by the team", None),
            ("Grade: A", None),
            ("A: red\nB: blue\nC: green\nD: yellow", None),
            ("Red, because it is not blue.", "A"),
            ("red or blue", None),
            ("The car is red and the sky is blue.", None),
        ],
    ),
    (
        "option",
        ("9:30", "1:30", "5:30"),
        [
            ("The clock shows 5:30.", "C"),
        ],
    ),
    (
        "option",
        ("A", "B", "C", "D"),
        [
            ("The next shape in the sequence is C.", "C"),
        ],
    ),
    (
        "option",
        ("(c)", "(a)", "(e)"),
        [
            ("The color with the smallest coefficient is (a).", "B"),
        ],
    ),
    (
        "option",
        ("True", "False"),
        [
            ("Yes, we can do that.", "A"),
            ("No, that is wrong.", "B"),
        ],
    ),
    (
        "option",
        ("a polynomial", "a trigonometric function", "an exponential function"),
        [
            ("The green curve is a graph of the exponential function y=2^x.", "C"),
        ],
    ),
    (
        "option",
        ("2πcm", "3πcm", "5πcm"),
        [
            ("The bottom perimeter of the cap is 5π cm.", "C"),
        ],
    ),
    (
        "option",
        ("E. coli", "S. aureus", "B. subtilis"),
        [
            ("E. coli is the answer.", "A"),
            ("It is E. coli.", "A"),
        ],
    ),
    (
        "option",
        ("C major scale", "A minor scale"),
        [
            ("C major scale", "A"),
        ],
    ),
    (
        "option",
        ("red", "blue", "none of the above"),
        [
            ("None of the above.", "C"),
        ],
    ),
    (
        "option",
        ("3 m", "4 m", "5 m"),
        [
            ("4 meters", "B"),
            ("4", "B"),
            ("The distance is 4 m.", "B"),
            ("The length is 4.", "B"),
        ],
    ),
    (
        "option",
        ("Yes", "No"),
        [
            ("No, there are not.", "B"),
            ("No.", "B"),
            ("Yes, because ...", "A"),
            ("Nope", "B"),
        ],
    ),
    (
        "option",
        ("是", "否"),
        [
            ("是的", "A"),
        ],
    ),
    (
        "option",
        ("红色", "蓝色", "绿色"),
        [
            ("正确答案是绿色", "C"),
        ],
    ),
    (
        "number",
        (),
        [
            ("There are 3 dots in each group.", "3"),
            ("The answer is 42", "42"),
            ("x = 5", "x = 5"),
            ("$1,250", "$1,250"),
            ("\\boxed{\\sqrt{5}}", None),
            ("\\boxed{5!}", None),
            ("There are three cats.", "three"),
            ("Approximately 3.5 million", "3.5 million"),
            ("Die Antwort lautet 3,5 cm.", "3,5 cm"),
            ("La réponse est 12 %.", "12 %"),
            ("答案是 15 个。", "15"),
            ("答えは 7 です。", "7"),
            ("정답은 9개입니다.", "9"),
            ("La respuesta es 1.250,5", "1.250,5"),
            ("Ответ: 8 см", "8 см"),
            ("الجواب هو ٥", "٥"),
            ("उत्तर 12 है।", "12"),
            ("2 + 3 = 5, so there are 5 apples.", "5"),
            ("Between 3 and 5", None),
            ("In 2019 there were 14 cases.", "14"),
            ("The total cost is $45.50.", "$45.50"),
            ("The area is 2 1/2 square units.", "2 1/2 square units"),
            ("It is about ½.", "½"),
            ("I count 4 red and 3 blue, 7 in all.", "7"),
            ("7.", "7"),
            ("#### 72", "72"),
            ("Answer: -3", "-3"),
            ("3.2 × 10^5", "3.2 × 10^5"),
            ("The answer isn't 5.", None),
            ("I cannot determine the number.", None),
            ("Therefore, the total is 1,234,567.", "1,234,567"),
            ("The answer is 5 (five).", "5"),
            ("Answer: 5%", "5%"),
            ("approximately 2.5e3", "2.5e3"),
            ("The answer is 12.", "12"),
            ("The answer is: **12**", "12"),
            ("12 apples", "12"),
            ("Twelve", "Twelve"),
            ("There are twelve apples.", "twelve"),
            ("There are no apples.", None),
            ("zero", "zero"),
            ("一共有5个苹果。", "5"),
            ("合計は12個です。", "12"),
            ("총 5개가 있습니다.", "5"),
            ("Es gibt 5 Äpfel.", "5"),
            ("Il y a 5 pommes.", "5"),
            ("Hay 5 manzanas.", "5"),
            ("Há 5 maçãs.", "5"),
            ("Всего 5 яблок.", "5"),
            ("هناك 5 تفاحات.", "5"),
            ("वहाँ 5 सेब हैं।", "5"),
            ("The answer is either 4 or 5.", None),
            ("I see 4 or 5 dogs.", None),
            ("x=3, y=4", None),
            ("More than 7", None),
            ("Question 5 is hard.", None),
            ("1. First step", None),
        ],
    ),
    (
        "time",
        (),
        [
            ("The meeting is at 2 PM.", "2 PM"),
            ("at 14:30", "14:30"),
        ],
    ),
    (
        "date",
        (),
        [
            ("Answer: March 4, 2021", "March 4, 2021"),
            ("It was built in March 2021.", "March 2021"),
            ("2021年3月4日", "2021年3月4日"),
        ],
    ),
    (
        "range",
        (),
        [
            ("The range is 30-39.", "30-39"),
        ],
    ),
    (
        "ratio",
        (),
        [
            ("The ratio is 16:9.", "16:9"),
            ("The answer is 3:4.", "3:4"),
            ("3 to 4", "3 to 4"),
        ],
    ),
    (
        "yes_no",
        (),
        [
            ("Yes.", "yes"),
            ("Nein.", "no"),
            ("Oui, bien sûr.", "yes"),
            ("没有", "no"),
        ],
    ),
    (
        "option",
        ("Ja", "Nein"),
        [
            ("Ja, das stimmt.", "A"),
        ],
    ),
    (
        "option",
        ("Oui", "Non"),
        [
            ("Non, ce n'est pas le cas.", "B"),
        ],
    ),
    (
        "option",
        ("はい", "いいえ"),
        [
            ("はい", "A"),
        ],
    ),
    (
        "option",
        ("예", "아니요"),
        [
            ("아니요", "B"),
        ],
    ),
    (
        "option",
        ("Да", "Нет"),
        [
            ("Да", "A"),
        ],
    ),
    (
        "option",
        ("Sí", "No"),
        [
            ("Sí.", "A"),
        ],
    ),
    (
        "option",
        ("Sim", "Não"),
        [
            ("Não.", "B"),
        ],
    ),
    (
        "option",
        ("نعم", "لا"),
        [
            ("نعم", "A"),
        ],
    ),
    (
        "option",
        ("हाँ", "नहीं"),
        [
            ("नहीं", "B"),
        ],
    ),
    (
        "option",
        ("rojo", "azul", "verde"),
        [
            ("La respuesta es azul.", "B"),
        ],
    ),
    (
        "option",
        ("rouge", "bleu", "vert"),
        [
            ("La réponse est le vert.", "C"),
        ],
    ),
    (
        "option",
        ("rot", "blau", "grün"),
        [
            ("Die Antwort ist blau.", "B"),
            ("Das Auto ist blau.", "B"),
        ],
    ),
    (
        "option",
        ("красная", "синяя"),
        [
            ("Машина синяя.", "B"),
        ],
    ),
    (
        "option",
        ("红色", "蓝色"),
        [
            ("这辆车是蓝色的。", "B"),
        ],
    ),
    (
        "option",
        ("赤", "青"),
        [
            ("車は青です。", "B"),
        ],
    ),
    (
        "option",
        ("12:30", "1:30"),
        [
            ("12:30", "A"),
        ],
    ),
    (
        "option",
        ("1/3", "1/2"),
        [
            ("1/2", "B"),
            ("0.5", "B"),
            ("\\frac{1}{2}", "B"),
        ],
    ),
    (
        "option",
        ("x^2", "x^2+1"),
        [
            ("x^2+1", "B"),
        ],
    ),
    (
        "option",
        ("CO2", "H2O"),
        [
            ("H2O", "B"),
        ],
    ),
]


@pytest.mark.parametrize(("answer_type", "options", "replies"), CASES)
def test_a_reply_says_what_a_reader_would_say_that_it_does(
    answer_type: AnswerType, options: Sequence[str], replies: list[tuple[str, str | None]]
) -> None:
    for reply, answer in replies:
        reading = read(reply, answer_type, options)
        found = reading.answer
        if answer_type == "number" and found and answer:  # with the sign, the unit or the noun that it stands by
            assert answer in found, (reply, reading)
        else:
            assert found == answer, (reply, reading)


@pytest.mark.parametrize(
    ("reply", "answer"),
    [
        ("- B", "B"),
        ("1. B", "B"),
        ("| B |", "B"),
        ('{"reasoning": "it is A or C", "answer": "C"}', "C"),
        ("The answer isn't A but C.", "C"),
        ("Letra C.", "C"),
    ],
)
def test_a_letter_after_a_mark_in_json_or_in_contrast_is_read(reply: str, answer: str) -> None:
    assert read(reply, "option", ("red", "blue", "green", "yellow")).answer == answer


def test_a_decade_is_no_year() -> None:
    assert read("1990s", "number").answer is None and type_of("1990s") == "text"
