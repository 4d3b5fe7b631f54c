"""The ways in which a call into a submission can fail: an exception, the end of its process, a fault of the grader."""

from milestones.graded_tests import TestState

_OUT_OF_MEMORY = ("not enough memory", "can't allocate memory", "Cannot allocate memory")


class GraderFault(BaseException):
    """Failure of the grader itself, which says nothing about the submission."""


class WorkerStopped(BaseException):
    """End of the worker in the middle of a test. Not an `Exception`, so that no test takes it for a student's.

    Attributes:
        state: state of the test.
    """

    def __init__(self, state: TestState, message: str):
        super().__init__(message)
        self.state = state


class StudentError(Exception):
    """An exception that the student's code raised; it also has the builtin class that it had in the worker.

    Attributes:
        type_name: name of its own class.
    """

    type_name = ""


_CLASSES = {
    kind.__name__: type(kind.__name__, (kind, StudentError), {"__module__": "builtins"})
    for kind in (
        *(ArithmeticError, AttributeError, BufferError, EOFError, FileExistsError, FileNotFoundError, ImportError),
        *(IndexError, KeyError, LookupError, MemoryError, ModuleNotFoundError, NameError, NotImplementedError),
        *(OSError, OverflowError, PermissionError, RecursionError, RuntimeError, SyntaxError, TypeError),
        *(ValueError, ZeroDivisionError, IndentationError),
    )
}


def student_error(kind: str, builtin: str, message: str) -> Exception:
    """Make the exception that the judge sees in place of one that the student's code raised.

    Args:
        kind: name of its own class.
        builtin: name of the builtin class from which that class derives.
        message: its text.
    """
    error = _CLASSES.get(builtin, StudentError)(message)
    error.type_name = kind
    return error


def is_out_of_memory(error: BaseException) -> bool:
    """Return True for an error of Python or PyTorch that says that memory ran out."""
    return isinstance(error, MemoryError) or any(words in str(error) for words in _OUT_OF_MEMORY)
