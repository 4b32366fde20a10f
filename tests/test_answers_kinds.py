"""Kinds of replies that real models write: languages, wrappers of thought, cut replies, names, lists of options."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from insightv_bench.answers import read

PLANTS = ("moss", "fern", "oak", "reed")


def letter(reply: str, options: tuple[str, ...] = PLANTS, **told: object) -> str | None:
    return read(reply, "option", options, **told).answer  # type: ignore[arg-type]


@pytest.mark.parametrize(
    "reply",
    [
        # English
        "The best option is therefore C.",
        "My final answer: (C)",
        "Answer is C",
        "Hence, option C is correct.",
        "C is the right choice here.",
        "So the correct choice is: **C) oak**",
        "Final Answer\n\nC. oak",
        "The answer (C) fits best.",
        "Oak, since it has rings.",
        "(C) oak\nThe others have no wood.",
        # Chinese
        "所以正确答案是C。",
        "综上所述，选C。",
        "因此，本题答案为（C）。",
        "故選C",
        "正確選項為C",
        "选项C是正确的。",
        "最终答案：C",
        "答案：C. oak",
        "答案选C，因为它有年轮。",
        # Japanese
        "正解はCです。",
        "答えは「C」です。",
        "したがって、正しい選択肢はCである。",
        "最終的な答え：C",
        "Cが正解です。",
        "選択肢Cが正しいです。",
        # Korean
        "정답은 C입니다.",
        "답: C",
        "따라서 정답은 (C)이다.",
        "C가 정답입니다.",
        "올바른 선택지는 C입니다.",
        # German
        "Die richtige Antwort ist C.",
        "Antwort: C",
        "Die korrekte Option ist (C), weil sie Ringe hat.",
        "Die Antwort lautet daher C.",
        "Option C ist richtig.",
        # French
        "La bonne réponse est C.",
        "Réponse : C",
        "La réponse correcte est donc (C).",
        "L'option C est correcte.",
        # Spanish
        "La respuesta correcta es C.",
        "Respuesta: C",
        "Por lo tanto, la opción correcta es la C.",
        "La opción C es correcta.",
        # Portuguese
        "A resposta correta é C.",
        "Resposta: C",
        "Portanto, a alternativa correta é a letra C.",
        "A opção C está correta.",
        # Russian
        "Правильный ответ: C",
        "Ответ: C.",
        "Правильный ответ — C, потому что у него есть кольца.",
        "Следовательно, верный вариант C.",
        # Arabic
        "الإجابة الصحيحة هي C",
        "الجواب: C",
        "إذن، الإجابة هي (C).",
        # Hindi
        "सही उत्तर C है।",
        "उत्तर: C",
        "सही विकल्प C है क्योंकि इसमें छल्ले हैं।",
    ],
)
def test_an_answer_is_declared_in_twelve_languages(reply: str) -> None:
    reading = read(reply, "option", PLANTS)
    assert reading.answer == "C"
    assert reading.sure


@pytest.mark.parametrize(
    "reply",
    [
        "错误答案是A。",
        "答案不是A。",
        "如果答案是A，那么它没有根。",
        "Die falsche Antwort ist A.",
        "Die Antwort ist nicht A.",
        "La mauvaise réponse est A.",
        "La respuesta no es A.",
        "A resposta não é A.",
        "Неправильный ответ: A",
        "The least likely wrong answer is A.",
        "An incorrect option is (A).",
        "无法确定答案。",
        "Je ne peux pas répondre.",
    ],
)
def test_a_denied_answer_is_none_in_any_language(reply: str) -> None:
    assert letter(reply) is None


@pytest.mark.parametrize(
    ("reply", "answer"),
    [
        ("<thinking>Is it A? Yes, A.</thinking>\nC", "C"),
        ("<thought>A</thought>C", "C"),
        ("<reasoning>The answer is A.</reasoning><response>C</response>", "C"),
        ("<REASONING>The answer is A.</REASONING>\n<CONCLUSION>The answer is C.</CONCLUSION>", "C"),
        ("<SUMMARY>a</SUMMARY><CAPTION>b</CAPTION><REASONING>The answer is A.", None),
        (
            "<|channel|>analysis<|message|>A, so the answer is A.<|end|><|start|>assistant<|channel|>final<|message|>C",
            "C",
        ),
        ("<|channel|>analysis<|message|>It is A. The answer is A.", None),
        ("<|channel|>commentary<|message|>The answer is A.<|end|>", None),
        ("<think>A</think><answer><|begin_of_box|>C<|end_of_box|></answer>", "C"),
        ("The answer is <|begin_of_box|>C<|end_of_box|>.", "C"),
        ("[THINK]The answer is A.[/THINK]The answer is C.", "C"),
        ("[THINK]The answer is A.", None),
        ("◁think▷The answer is A.◁/think▷**C**", "C"),
        ("◁think▷The answer is A.", None),
        ("<|channel>thought\nThe answer is A.<channel|>C<turn|>", "C"),
        ("The answer is A.\n</think>\n\nC", "C"),
        ("<think>\n\n</think>\n\nC", "C"),
        ("<seed:think>A</seed:think>C", "C"),
        ("<unused94>thought\nThe answer is A.<unused95>C", "C"),
        ("<|START_THINKING|>The answer is A.<|END_THINKING|><|START_RESPONSE|>C<|END_RESPONSE|>", "C"),
        (
            "### Image Description:\nx\n### Rationales:\ny\n### Step 1:\nThe answer is A.\n### The final answer is: C",
            "C",
        ),
        ("### Image Description:\nx\n### Rationales:\ny\n### Step 1:\nThe answer is A.", None),
        ("<think>A</think>The answer is C.<think>or B", None),
        ("<think>A</think><answer>Final Answer: C</answer>", "C"),
        ("<answer>C", "C"),
        ("C<|im_end|>", "C"),
        ("The answer is C.<|eot_id|>", "C"),
        ("C</s>", "C"),
    ],
)
def test_thought_is_told_from_what_is_said(reply: str, answer: str | None) -> None:
    assert letter(reply) == answer


def test_where_the_prompt_opened_a_thought_nothing_is_said_before_it_closes() -> None:
    assert letter("The answer is A.", opened=True) is None
    assert letter("The answer is A.\n</think>\nC", opened=True) == "C"
    assert letter("The answer is A.[/THINK]C", opened=True) == "C"


@pytest.mark.parametrize(
    ("reply", "answer"),
    [
        ("The tree has rings. The answer is C. It", "C"),
        ("So \\boxed{C}", "C"),
        ("<answer>C</answer>", "C"),
        ('{"answer": "C"}', "C"),
        ("It has rings, so it must be (C)", None),
        ("C", None),
        ("The answer is C", None),
        ("<think>The answer is C. It", None),
        ("<answer>C", None),
        ("The others have no rings, so (C) is", None),
    ],
)
def test_a_reply_cut_off_answers_only_where_a_whole_answer_was_declared(reply: str, answer: str | None) -> None:
    reading = read(reply, "option", PLANTS, finish="length")
    assert reading.answer == answer
    assert reading.kind("length") == ("sure" if answer else "cut off")


def test_a_number_cut_off_is_none() -> None:
    assert read("The answer is 4", "number", finish="length").answer is None
    assert read("The answer is 4.", "number", finish="length").answer is None
    assert read("The answer is 42. That", "number", finish="length").answer == "42"


@pytest.mark.parametrize(
    ("reply", "options", "answer"),
    [
        ("B. subtilis grows fastest.", ("E. coli", "B. subtilis", "S. aureus"), "B"),
        ("E. coli grows fastest.", ("B. subtilis", "S. aureus", "E. coli"), "C"),
        ("The answer is B vitamins.", ("C vitamins", "A vitamins", "B vitamins"), "C"),
        ("C minor is the key.", ("D major", "C minor", "A minor"), "B"),
        ("A violin.", ("drum", "violin"), "B"),
        ("(A) violin", ("drum", "violin"), None),
        ("A) violin", ("drum", "violin"), None),
        ("The answer is (B) No", ("Yes", "No"), "B"),
        ("The answer is (A) No", ("Yes", "No"), None),
        ("No, it does not.", ("Yes", "No"), "B"),
        ("Yes, it does. No other bar is taller.", ("Yes", "No"), "A"),
        ("No one knows.", ("Yes", "No"), None),
        ("Turn it by 8 steps.", ("Turn it by 8 steps.", "Turn it by 7 steps."), "A"),
        ("3:15 P.M.", ("9:05 A.M.", "2:45 P.M.", "3:15 P.M."), "C"),
        ("The clock says 3:15 P.M.", ("9:05 A.M.", "2:45 P.M.", "3:15 P.M."), "C"),
        ("Options:\n(A) moss\n(B) fern\n(C) oak\n(D) reed", PLANTS, None),
        ("Which is it? (A) moss or (B) fern", PLANTS, None),
        ("Either oak or reed.", PLANTS, None),
        ("It is not the oak.", PLANTS, None),
        ("If it had no rings, it would be the reed.", PLANTS, "D"),
        ("The one that does NOT grow in water is (C).", PLANTS, "C"),
        ("答案是橡树。", ("苔藓", "蕨类", "橡树"), "C"),
        ("Respuesta: roble", ("musgo", "helecho", "roble"), "C"),
    ],
)
def test_options_are_named_by_letter_or_text_and_a_name_is_no_letter(
    reply: str, options: tuple[str, ...], answer: str | None
) -> None:
    assert letter(reply, options) == answer


@pytest.mark.parametrize(
    ("reply", "answer", "sure"),
    [
        ("**Answer: 42**", "42", True),
        ("Final answer: $42$", "42", True),
        ("The final count is 42.", "42", True),
        ("42\n\nBecause 40 + 2 is 42.", "42", True),
        ("答案是42。", "42", True),
        ("答案：42个苹果", "42", True),
        ("Die Antwort ist 3,5.", "3,5", True),
        ("La respuesta es 42 euros.", "42 euros", True),
        ("정답은 42입니다.", "42", True),
        ("正解は42です。", "42", True),
        ("Ответ: 42 см", "42 см", True),
        ("الجواب هو ٤٢", "٤٢", True),
        ("There are 42 dots in each row.", "42", False),
        ("So the total is 40 + 2 = 42 cm.", "42 cm", False),
        ("The height of the 3 bars together is 42.", "42", False),
        ("There are seven boats, which is more than 3.", "seven", False),
        ("Figure 3 shows it.", None, False),
        ("It is the 3rd bar.", None, False),
        ("The bars are 3, 4 and 5.", None, False),
        ("It lies between 3 and 5.", None, False),
        ("The year cannot be 1999.", None, False),
        ("At 10:30 it stops.", None, False),
        ("The answer is √7.", None, False),
        ("The answer is 5!", "5", True),
        ("\\boxed{7!}", None, False),
        ("\\boxed{3^2}", None, False),
        ("The answer is 2 1/2.", "2 1/2", True),
        ("The answer is 3½.", "3½", True),
        ("#### 42\n\nQuestion: And now?\nAnswer: 7\n#### 7", "42", True),
        ("The answer is 42.\n\nQ: What is 3 + 4?\nA: The answer is 7.", "42", True),
    ],
)
def test_numbers_are_read_where_they_are_declared_or_all_that_the_last_sentence_gives(
    reply: str, answer: str | None, sure: bool
) -> None:
    reading = read(reply, "number")
    assert (reading.answer, reading.sure) == (answer, sure)


@pytest.mark.parametrize(
    ("reply", "answer_type", "answer"),
    [
        ("The age group 30-39 has the largest share.", "range", "30-39"),
        ("Answer: 2019–2020", "range", "2019–2020"),
        ("It was on 3 May 2020.", "date", "3 May 2020"),
        ("The answer is 2020-05-03.", "date", "2020-05-03"),
        ("The clock shows 2:30 PM.", "time", "2:30 PM"),
        ("The ratio of boys to girls is 3:2.", "ratio", "3:2"),
        ("Either 3:2 or 2:3.", "ratio", None),
    ],
)
def test_dates_times_ranges_and_ratios_are_read_as_such(reply: str, answer_type: object, answer: str | None) -> None:
    assert read(reply, answer_type).answer == answer  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("reply", "answer"),
    [
        ("Yes - no, wait.", None),
        ("No. 7", None),
        ("No, that is false.", "no"),
        ("是的，它是。", "yes"),
        ("不是。", "no"),
        ("Ja, das stimmt.", "yes"),
        ("Non, ce n'est pas vrai.", "no"),
        ("Нет.", "no"),
        ("The bars differ. So no.", "no"),
    ],
)
def test_yes_and_no_are_words_of_every_language(reply: str, answer: str | None) -> None:
    assert read(reply, "yes_no").answer == answer


DECLARED = (
    "The answer is C.",
    "Answer: (C)",
    "答案是C。",
    "So the correct option is C.",
    "\\boxed{C}",
    "C. oak",
    "(C)\n",
)
EXPLANATIONS = st.lists(
    st.sampled_from(
        (
            "It has rings.",
            "The others have no wood at all.",
            "Moss is 3 cm tall, fern 40 cm.",
            "(A) is too small.",
            "Option B grows in the shade, which does not fit.",
            "This follows from the picture, where 2 trees stand.",
            "因为它有年轮。",
            "- A: no wood\n- B: no wood",
        )
    ),
    min_size=1,
    max_size=4,
).map("\n".join)


@given(st.sampled_from(DECLARED), EXPLANATIONS)
@settings(max_examples=200, deadline=None)
def test_an_explanation_after_a_declared_answer_changes_nothing(declared: str, explanation: str) -> None:
    assert letter(f"{declared}\n{explanation}") == letter(declared) == "C"


@given(
    st.sampled_from(
        ("The answer is {}.", "Answer: {}", "So the correct option is {}.", "{}", "答案是{}。", "I say ({}).")
    ),
    st.sampled_from(
        ("**{}**", "*{}*", "__{}__", "`{}`", "<b>{}</b>", "$\\text{{{}}}$", "\\textbf{{{}}}", "“{}”", "**({})**")
    ),
    st.sampled_from("ABCD"),
)
@settings(max_examples=200, deadline=None)
def test_emphasis_changes_nothing(frame: str, mark: str, said: str) -> None:
    assert letter(frame.format(mark.format(said))) == letter(frame.format(said)) == said


@given(
    st.permutations(PLANTS),
    st.sampled_from(
        ("The answer is {letter}.", "{letter}", "({letter}) {text}", "{text}", "It is the {text}.", "答案：{letter}")
    ),
    st.sampled_from(PLANTS),
)
@settings(max_examples=200, deadline=None)
def test_options_may_be_permuted_with_their_letters(options: list[str], frame: str, text: str) -> None:
    said = "ABCD"[options.index(text)]
    assert letter(frame.format(letter=said, text=text), tuple(options)) == said
