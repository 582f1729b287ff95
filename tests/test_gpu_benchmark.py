"""benchmarks/gpu.py, rehearsed on a CPU: every part gives its figures, and what is there isn't made twice."""

import json
import sys
from pathlib import Path

import pytest

BENCHMARKS = Path(__file__).resolve().parents[1] / "benchmarks"
pytestmark = [
    pytest.mark.slow,
    pytest.mark.usefixtures("one_thread"),
    pytest.mark.filterwarnings("ignore::UserWarning", "ignore::FutureWarning"),
]


@pytest.fixture(autouse=True)
def importable(monkeypatch: pytest.MonkeyPatch) -> None:
    """The benchmarks import one another by name."""
    monkeypatch.syspath_prepend(str(BENCHMARKS))


def test_every_part_gives_its_figures(tmp_path: Path) -> None:
    from gpu_parts import PARTS, Sizes, run_part

    sizes = Sizes.small()
    sizes.save_model(tmp_path)
    found = {name: list(run_part(name, sizes, tmp_path)) for name in PARTS}
    assert {figure["kernel"] for figure in found["attention"] if "error" in figure} == {
        "sdpa with a mask",
        "two kernels merged",  # FlexAttention has no way back on a CPU
    }
    assert all(figure["error"] < 1e-6 for figure in found["attention"] if "error" in figure)
    assert {(figure["way"], figure["rows"]) for figure in found["decoding"]} == {
        (way, rows)
        for way in ("groups, recorded", "groups, launched", "rows, recorded", "generate")
        for rows in sizes.rows
    }
    [shared] = [figure for figure in found["agreement"] if figure.get("of") == "shared, float32"]
    assert shared["mean_nats"] < 1e-5
    assert shared["gradient"] < 1e-4
    ours, stock = (found[f"step-{name}"][-1] for name in ("ours", "stock"))
    assert ours["completion"] == stock["completion"] == sizes.geometry.new_tokens
    assert ours["loss"] == pytest.approx(stock["loss"], abs=1e-6)
    assert found["step-official"][-1]["median_step"] > 0
    assert {figure["loop"] for figure in found["evaluation"] if "loop" in figure} == {"ours", "script"}


def test_parts_that_are_there_are_not_run_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    import gpu

    done = [
        {"part": "attention", "kernel": name, "prompt": 512, "ms": ms, "error": 0.002}
        for name, ms in (("slow", 2.0), ("quick", 1.0))
    ]
    lines = [json.dumps(figure) for figure in [*done, *({"part": part, "done": True} for part in gpu.PARTS)]]
    (tmp_path / "figures.jsonl").write_text("\n".join(lines) + '\n{"part": "cut off, kern')
    monkeypatch.setattr(gpu, "run", lambda *args: pytest.fail("a part was run again"))
    monkeypatch.setattr(sys, "argv", ["gpu.py", "--out", str(tmp_path), "--rehearse"])
    gpu.main()
    assert "prompts of 512 tokens: quick is fastest, 1.00 ms" in capsys.readouterr().out
