"""The milestones and the graph of their tasks, for any number of folders and any dependencies."""

import pytest

from milestones.course import ROOT, CourseError, load_course, load_milestone, milestone_numbers

TASKS = {
    1: {"1.1 gain.amplify": [], "1.2 gain.attenuate": ["1.3"], "1.3 levels.rms": []},
    2: {"2.1 data.load": [], "2.2 network.Network": ["2.1", "1.2"], "2.3 network.Loss": ["2.2"]},
    3: {"3.1 streaming.Stream": ["2.3"], "3.2 streaming.latency": [], "3.3 gain.limit": ["1.1"]},
}


def write_milestone(root, number, tasks):
    """Write a milestone's folder, which is all that makes it a milestone."""
    folder = root / "milestones" / f"milestone{number}"
    folder.mkdir(parents=True)
    text = f'number = {number}\ntitle = "Number {number}"\ndeadline = 2027-01-22T23:59:00+01:00\n'
    text += "seconds_per_test = 10\nseconds_per_submission = 60\nmemory_mebibytes = 512\n"
    text += "late = {share_per_day = 0.1, days = 3}\n"
    for words, depends in tasks.items():
        task, name = words.split()
        text += f'[[tasks]]\nid = "{task}"\nname = "{name}"\npoints = 2\ndepends = {depends}\n'
    (folder / "milestone.toml").write_text(text)


@pytest.fixture
def course(tmp_path):
    """A course of three milestones."""
    for number, tasks in TASKS.items():
        write_milestone(tmp_path, number, tasks)
    return load_course(tmp_path)


def test_a_third_milestone_is_a_folder(course, tmp_path):
    assert milestone_numbers(tmp_path) == [1, 2, 3]
    assert [milestone.title for milestone in course.milestones] == ["Number 1", "Number 2", "Number 3"]
    assert course.milestone(3) == load_milestone(3, tmp_path)
    assert list(course.tasks) == ["1.1", "1.2", "1.3", "2.1", "2.2", "2.3", "3.1", "3.2", "3.3"]


MODEL = """
[model]
archive_mebibytes = 64
seconds_to_load = 30
seconds_per_second = 2
memory_mebibytes = 3072
max_delay_seconds = 0.1
rank_by = "pesq"
rank_points = [5, 3, 1]
fast_real_time_factor = 0.1
fast_rank_points = [2, 1]

[[model.thresholds]]
metric = "si_sdr"
at_least = 10
points = 4
"""


@pytest.fixture
def with_model(tmp_path):
    """The path of a third milestone whose work is a model, after two with tasks."""
    for number in (1, 2):
        write_milestone(tmp_path, number, TASKS[number])
    write_milestone(tmp_path, 3, {})
    path = tmp_path / "milestones/milestone3/milestone.toml"
    path.write_text(path.read_text() + MODEL)
    return path


def test_a_model_takes_the_place_of_tasks(with_model, tmp_path):
    """It is the work of a milestone without tests; the other milestones stay as they are."""
    course = load_course(tmp_path)
    model = course.milestone(3).model
    assert course.tested == course.milestones[:2] and course.milestone(3).tasks == ()
    assert course.milestone(3).points == model.points == 4 + 5 + 2
    assert model.rank_points == (5, 3, 1) and model.thresholds[0].metric == "si_sdr"
    assert course.milestone(2).model is None and list(course.tasks)[-1] == "2.3"


@pytest.mark.parametrize(
    ("old", "new", "reason"),
    [
        ('"pesq"', '"mos"', "model: expected a metric among pesq, si_sdr, stoi, got mos"),
        ('"si_sdr"', '"snr"', "model: expected a metric among pesq, si_sdr, stoi, got snr"),
        ("[2, 1]", "[]", "model: fast_rank_points: expected points that fall from rank to rank, got []"),
        ("[5, 3, 1]", "[5, 1, 3]", "model: rank_points: expected points that fall from rank to rank, got [5, 1, 3]"),
        ("seconds_to_load = 30", "", "ModelTerms.__init__() missing 1 required positional argument: 'seconds_to_load'"),
        ("[[model.thresholds]]", "[[thresholds]]", "expected an entry 'thresholds', got none"),
    ],
)
def test_terms_of_a_model_that_are_wrong_are_named(with_model, tmp_path, old, new, reason):
    with_model.write_text(with_model.read_text().replace(old, new))
    with pytest.raises(CourseError) as caught:
        load_course(tmp_path)
    assert str(caught.value).startswith(f"{with_model}: {reason}")


def test_modules_that_students_write(course):
    """Each is listed where it first occurs, even if a later milestone continues it."""
    assert course.modules == ("gain", "levels", "data", "network", "streaming")
    assert course.up_to(2).modules == ("gain", "levels", "data", "network")
    assert course.before(3).modules == course.up_to(2).modules
    assert course.before(1).modules == ()


def test_dependencies_through_others(course):
    """They are in the order of the course."""
    assert course.dependencies("3.1") == ["1.2", "1.3", "2.1", "2.2", "2.3"]
    assert course.dependencies("1.1") == []


def test_dependents_through_others(course):
    """Dependents may come before the task, and several tasks may be given at once."""
    assert course.dependents("1.3") == {"1.2", "2.2", "2.3", "3.1"}
    assert course.dependents("2.1", "1.1") == {"2.2", "2.3", "3.1", "3.3"}
    assert course.dependents() == set()


def test_tasks_that_depend_on_an_earlier_milestone(course):
    assert course.depending_on_earlier(1) == set()
    assert course.depending_on_earlier(2) == {"2.2", "2.3"}
    assert course.depending_on_earlier(3) == {"3.1", "3.3"}


def test_what_is_needed_comes_first(course):
    assert course.in_order_of_need() == ["1.1", "1.3", "1.2", "2.1", "2.2", "2.3", "3.1", "3.2", "3.3"]


def test_a_number_that_there_is_not_is_named(course, tmp_path):
    for load in (course.milestone, course.up_to, lambda number: load_milestone(number, tmp_path)):
        with pytest.raises(CourseError, match=r"^milestone: expected one of 1, 2, 3, got 4$"):
            load(4)


def test_a_copied_folder_is_named(tmp_path):
    """A number other than the folder's would give two milestones the same number."""
    write_milestone(tmp_path, 1, TASKS[1])
    (tmp_path / "milestones" / "milestone1").rename(tmp_path / "milestones" / "milestone2")
    with pytest.raises(CourseError, match=r"milestone2/milestone\.toml: number: expected 2, .*, got 1$"):
        load_course(tmp_path)


@pytest.mark.parametrize(
    ("depends", "message"),
    [
        (
            ["9.9"],
            r"milestone1/milestone\.toml: task 1\.1: expected tasks of this milestone or an earlier one .*, got 9\.9",
        ),
        (
            ["2.1"],
            r"milestone1/milestone\.toml: task 1\.1: expected tasks of this milestone or an earlier one .*, got 2\.1",
        ),
        (["1.2"], r"task 1\.1: expected dependencies on other tasks, got one on itself"),
    ],
    ids=["unknown", "later", "circle"],
)
def test_dependencies_that_cannot_be_met_are_named(tmp_path, depends, message):
    write_milestone(tmp_path, 1, {"1.1 gain.amplify": depends, "1.2 gain.attenuate": ["1.1"]})
    write_milestone(tmp_path, 2, {"2.1 data.load": []})
    with pytest.raises(CourseError, match=message):
        load_course(tmp_path)


def test_this_course():
    """Numbers count up from 1, and a task's id begins with that of its milestone."""
    course = load_course()
    assert [milestone.number for milestone in course.milestones] == list(range(1, len(course.milestones) + 1))
    for milestone in course.milestones:
        assert all(task.id.startswith(f"{milestone.number}.") for task in milestone.tasks)
    assert all((ROOT / "speech_enhancement" / f"{module}.py").is_file() for module in course.modules)
