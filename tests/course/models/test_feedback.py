"""The page of a graded model: it shows scores and failures, nothing of single hidden recordings, and no markup."""

from milestones.course import load_milestone
from milestones.instructor.models import feedback, points
from milestones.instructor.models.records import Interval, RecordingState, Standing
from milestones.instructor.reports import reports
from milestones.model_terms import METRICS
from tests.course.models.entries import entry, failed, score

MILESTONE = load_milestone(3)
MEANS = dict(zip(METRICS, (Interval(2.125, 2.0, 2.25), Interval(10, 9, 11), Interval(0.9, 0.8, 0.95)), strict=True))


def page(record, standing, out):
    (out / reports.FEEDBACK_FOLDER).mkdir(exist_ok=True)
    (graded,), _ = points.scores_of([(record, standing)], MILESTONE, out)
    reports.write_feedback(out, record.entry, feedback.TEMPLATE, feedback.view(record, standing, graded, MILESTONE))
    (path,) = (out / reports.FEEDBACK_FOLDER).iterdir()
    return path.read_text(encoding="utf-8")


def test_scores_and_failures(tmp_path):
    hidden = (
        score("SECRET1"),
        score("SECRET4", pesq=None),
        failed("SECRET2", RecordingState.TIME),
        failed("SECRET3", RecordingState.TIME),
    )
    public = (score("p1", pesq=3.5), failed("p2"))
    record = entry("ada", hidden, public=public, marks=("outputs equal those of SECRET4",))
    text = page(record, Standing("ada", 2, None, 29, MEANS), tmp_path)
    assert "29 of 60 points for the model" in text and "2.00 to 2.25" in text and "3.50" in text
    assert "1 of the hidden recordings: no PESQ." in text
    assert "2 of the hidden recordings: time." in text and "Rank 2. Real-time factor" in text and "SECRET" not in text


def test_a_name_and_a_message_are_text(tmp_path):
    hostile = "<script>alert(1)</script>"
    public = (score("p", message=f"the model's code failed ({hostile}\x1b)", pesq=None),)
    text = page(entry(hostile, public=public, notes=(hostile,)), Standing(hostile, None, None, 0, MEANS), tmp_path)
    assert "<script" not in text and "\x1b" not in text and text.count("&lt;script&gt;") == 4
    assert "the\nmodel does not beat the noisy recordings" in text


def test_refused(tmp_path):
    record = entry("ada", refused="expected one model.safetensors, got none", public=())
    text = page(record, Standing("ada", None, None, 0, {}), tmp_path)
    assert "expected one model.safetensors, got none" in text and "<h2>" not in text
