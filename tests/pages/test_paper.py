"""The printed report: every field in its order, what is missing blank, what is void marked, names harmless."""

from __future__ import annotations

import dataclasses
import datetime
import re
from pathlib import Path

import msgspec
import pytest

from bench.pages.paper import Paper, build_paper
from bench.pages.printing import render_paper
from bench.procurement.candidates import Candidate
from bench.procurement.inspecting import claimed, inspection
from bench.records.inspection import Inspection
from bench.records.numbers import Measured
from bench.records.particulars import Instrument, Particulars
from bench.records.policy import Gate
from bench.records.submission import Item, PackedFile
from bench.text import LANGUAGES, sentence
from tests.report import samples

from ..procurement.made import COMMAND, OFFLINE, VOID, candidate, drawn, policy
from ..procurement.test_inspecting import of_offline
from .test_html import Reader, read

DAY = datetime.date(2026, 11, 26)
FILES = (PackedFile(name="run.json", sha256="ab" * 32, size=12345),)
# Cover, page 2 and body as procurement practice has them; the words of both languages in one order.
FIELDS = {
    "zh": """检测报告 非资质认定报告 报告编号 样品名称 型号规格 委托单位 生产单位 检测类别 检测机构 签发日期
        样品编号/序列号 数量 样品状态 到样日期 温度 湿度 供电电压 检测日期 检测项目 检测依据 判定依据
        主要仪器 编号 校准有效期 准确度 检测结论 备注 主检 审核 批准 检验检测专用章
        被测系统描述 照片与拓扑 测试方法与偏离 全数值比较法 GB/T_8170-2008 偏离、增补与删减 负载与数据集
        逐项结果 序号 检测项目 单位 技术要求 实测值 测量不确定度 单项判定 曲线图 异常与无效轮次 声明
        仅对来样 不得部分复制 由委托单位提供 未经核验 原始数据清单 SHA-256 报告结束 以下空白""",
    "en": """Test_report Not_an_accredited_report Report_number Sample Model Client Manufacturer Category Testing_body
        Date_of_issue Sample_or_serial_number Quantity State_of_the_sample Received_on Temperature Humidity
        Supply_voltage Date_of_test Items_tested Test_basis Basis_of_the_verdict Instruments Number
        Calibrated_until Accuracy Conclusion Remarks Tested_by Reviewed_by Approved_by Seal
        System_under_test Photograph Method_and_deviations full_values GB/T_8170-2008 Deviations Loads_and_data
        Results No. Item Unit Required Measured Uncertainty Verdict Curves Anomalies Statements sample_as_received
        reproduced_in_full declared_by_the_client unverified raw_data SHA-256 End_of_report blank_below""",
}


def sample(formal: bool = True) -> Candidate:
    """A submission without curves: drawing is not what these tests are about."""
    return candidate(1, drawn(1), formal=formal, changes={"sketch": None})


def inspected(made: Candidate, particulars: Particulars, *gates: Gate) -> Inspection:
    rules = (policy(gates=gates), "c" * 64) if gates else None
    return inspection(made, FILES, particulars, rules, DAY)


def paper(made: Candidate, lang: str = "en", particulars: Particulars = Particulars(), *gates: Gate) -> Paper:  # noqa: B008
    found = inspected(made, particulars, *gates)
    return build_paper(found, made.run, claimed(made), made.trials, lang)


def page(made: Candidate, lang: str = "en", particulars: Particulars = Particulars(), *gates: Gate) -> str:  # noqa: B008
    return render_paper(paper(made, lang, particulars, *gates))


def filled() -> Particulars:
    """Every field says its own name."""
    texts = {name: f"<{name}>" for name in Particulars.__struct_fields__ if name != "instruments"}
    return Particulars(**texts, instruments=(Instrument(name="meter", model="M", number="7", accuracy="0.1 %"),))


def rows_of(text: str) -> dict[str, str]:
    """The table of results, by number."""
    part = text[text.index('<section id="results">') : text.index('<table id="conditions">')]
    cells = [re.findall(r"<td[^>]*>(.*?)</td>", row, re.DOTALL) for row in re.findall(r"<tr.*?</tr>", part, re.DOTALL)]
    return {row[0]: " | ".join(re.sub(r"<[^>]+>", " ", cell).strip() for cell in row) for row in cells if row}


@pytest.mark.parametrize("lang", LANGUAGES)
def test_every_field_is_there_in_its_order(lang: str) -> None:
    text = read(page(sample(), lang, filled())).text
    place = 0
    for word in FIELDS[lang].replace("\n", " ").split():
        found = text.find(word.replace("_", " "), place)
        assert found >= 0, f"{word} does not follow: {text[place : place + 200]}"
        place = found


def test_what_is_declared_is_printed_and_marked() -> None:
    made = paper(sample(), "en", filled())
    text = read(render_paper(made)).text
    shown = {name for name in Particulars.__struct_fields__ if f"<{name}>" in text}
    assert set(Particulars.__struct_fields__) - shown == {
        *("organisation_id", "brand", "certificate", "published_on", "supply_until"),  # of lists only
        "instruments",
    }
    for name in ("client", "manufacturer", "model", "sample_number"):
        assert f"<{name}> △" in text
    for name in ("laboratory", "report_number", "place"):
        assert f"<{name}> △" not in text
    assert "meter" in text


@pytest.mark.parametrize("lang", LANGUAGES)
def test_what_is_not_declared_is_a_blank_line(lang: str) -> None:
    text = page(sample(), lang)
    word = sentence(lang, "test_report.blank")
    assert text.count('<span class="blank"></span>') >= 15
    assert text.count(word) >= 20
    assert "None<" not in text
    undated = inspection(sample(), FILES, Particulars(), None, None)
    made = sample()
    cover = build_paper(undated, made.run, claimed(made), made.trials, lang).cover
    assert {field.key: field.text for field in cover}["issued_on"] == ""


@pytest.mark.parametrize(
    ("lang", "words"),
    [
        ("zh", ("符合", "不符合", "未检", "—", "不合格")),
        ("en", ("conforms", "does not conform", "not verified", "—", "FAIL")),
    ],
)
def test_verdicts_stand_beside_requirement_and_value(lang: str, words: tuple[str, ...]) -> None:
    gates = (
        Gate(metric=COMMAND, op="<=", limit=20.0, unit="ms", guarded=True),
        Gate(metric=OFFLINE, op=">=", limit=500.0, unit="1/s"),
        Gate(metric="object_detect.offline.samples_per_s", op=">=", limit=1.0, unit="1/s"),
    )
    text = page(sample(), lang, Particulars(), *gates)
    rows = rows_of(text)
    assert [words[i] in rows[str(i + 1)].split(" | ")[6] for i in range(3)] == [True, True, True]
    number, _, unit, required, value, uncertainty, _ = rows["1"].split(" | ")
    assert (number, unit, required) == ("1", "ms", "★ ≤ 20")
    made = sample().records["speech_command.single_stream.fp32"].metrics["latency_p90_ns"]
    assert made.value is not None
    assert made.interval is not None
    assert float(value) == pytest.approx(made.value / 1e6, rel=1e-3)
    expanded = max(made.interval.high - made.value, made.value - made.interval.low) / 1e6
    assert float(uncertainty.split()[2]) == pytest.approx(expanded, rel=0.05)
    assert "k = 2.78" in uncertainty  # Student's t, 95 %, four degrees of freedom
    assert f">{words[4]}</p>" in text


def test_a_verdict_that_rounding_hides_is_explained() -> None:
    made = of_offline(sample(), metrics={"samples_per_s": Measured(value=99.99999)})
    rows = rows_of(page(made, "en", Particulars(), Gate(metric=OFFLINE, op=">=", limit=100.0, unit="1/s")))
    assert "100.0 |" in rows["1"]
    assert "does not conform" in rows["1"]
    assert "compared unrounded: 99.99999" in rows["1"]


@pytest.mark.parametrize("lang", LANGUAGES)
def test_void_and_unverified_figures_cannot_be_missed(lang: str) -> None:
    text = page(of_offline(sample(), findings=(VOID,)), lang, Particulars(),
                Gate(metric=OFFLINE, op=">=", limit=1.0, unit="1/s"))  # fmt: skip
    void = re.findall(r'<tr class="void">(.*?)</tr>', text, re.DOTALL)
    assert void
    assert all(sentence(lang, "test_report.unverified") in row for row in void)
    assert sentence(lang, "judgement.unchecked") in void[0]
    assert ".void td.figure { text-decoration: line-through" in text
    assert sentence(lang, "conclusion.not-judged") in text


@pytest.mark.parametrize("lang", LANGUAGES)
def test_category_and_notices_are_computed(lang: str) -> None:
    own, formal = (read(page(sample(formal=one), lang, filled())).text for one in (False, True))
    assert sentence(lang, "test_report.self_test") in own
    assert sentence(lang, "test_report.self_test") not in formal
    assert sentence(lang, "test_report.statement_self") in own
    assert sentence(lang, "test_report.not_verified") in own
    # Nothing in a formal report calls itself a self-test, though each record does.
    assert sentence(lang, "definition.origin") not in formal


def test_no_standard_is_claimed() -> None:
    for lang in LANGUAGES:
        text = read(page(sample(), lang, filled())).text
        assert not re.search(r"(?<!不)符合\s*(GB|T/CESA|YD|ITU|IEEE)", text)
        assert "参考 T/CESA" in text or "Informed by T/CESA" in text


def test_verification_names_who_signed() -> None:
    items = (
        Item(check="signature", subject="inspector: <b>Li</b>", verdict="conforms", seen="2026-11-26T00:00:00+00:00"),
        Item(check="signature", subject="reviewer: Wu", verdict="violates", reason="revoked"),
        Item(check="measured", subject="x", verdict="unchecked", reason="only-arithmetic"),
    )
    made = dataclasses.replace(sample(), items=items)
    shown = paper(made)
    assert [one.electronic for one in shown.signers] == ["<b>Li</b>, 2026-11-26T00:00:00+00:00", "", ""]
    assert [one.verdict_text for one in shown.checks] == ["conforms", "does not conform", "not verified"]
    assert "<b>Li" not in render_paper(shown)


def test_hostile_names_are_text() -> None:
    evil = samples.HOSTILE + '</style><img src=x onerror=1>"; } @import url(http://x/)'
    particulars = Particulars(
        **{name: evil for name in Particulars.__struct_fields__ if name != "instruments"},
        instruments=(Instrument(name=evil),),
    )
    made = sample()
    plan = msgspec.structs.replace(made.run.plan, backend=evil)
    made = dataclasses.replace(made, run=msgspec.structs.replace(made.run, plan=plan))
    text = page(made, "en", particulars)
    reader: Reader = read(text)
    assert "<script" not in text
    assert "<img" not in text
    assert text.count("</style>") == 1
    assert "\x1b" not in text
    for tag, attributes in reader.tags:
        assert tag not in ("script", "link", "iframe", "img", "object", "embed")
        for key, value in attributes.items():
            assert not key.startswith("on")
            if key in ("href", "src", "xlink:href"):
                assert value is not None
                assert value.startswith("#")
    style = text[text.index("<style>") : text.index("</style>")]
    assert "url(" not in style
    assert "{{ 7*7 }}" in reader.text


def test_the_annex_lists_every_file() -> None:
    text = page(sample())
    files = text[text.index('<table id="files">') :]
    assert "12,345" in files
    assert "ab" * 32 in files


def test_the_same_input_gives_the_same_page() -> None:
    assert page(sample(), "zh", filled()) == page(sample(), "zh", filled())


def test_pictures_are_in_the_colours_of_print() -> None:
    """In PDF no variable of a page reaches a drawing."""
    records = [samples.record()]
    run = samples.run(records)
    found = inspection(sample(), FILES, Particulars(), None, None)
    shown = build_paper(found, run, records, {}, "en")
    assert shown.pictures
    assert all("var(" not in one.svg and "currentColor" not in one.svg for one in shown.pictures)


def test_a_run_without_records_has_a_report(tmp_path: Path) -> None:
    made = dataclasses.replace(sample(), records={}, trials={}, claims={})
    assert sentence("en", "conclusion.not-judged") in page(made)
