"""Grading on a Dask cluster, each of whose worker processes has its own pool of grading servers."""

import asyncio
import contextlib
import itertools
import threading
import uuid
from collections.abc import Iterator
from concurrent.futures import Future

from distributed import Client, Event, Worker, WorkerPlugin, get_worker

from milestones.instructor.records import Job, JobResult
from milestones.instructor.sandbox.server_pool import ServerPool, Submit

MAX_STARTS = 2
"""Times that a job is begun: once more after its cluster's worker was lost."""

IDLE_SECONDS = 300.0
"""Seconds after the last job at which servers end, in case the process that sent the jobs was killed."""


class PoolPlugin(WorkerPlugin):
    """Plugin that keeps the grading servers of a cluster's worker for the duration of one grading."""

    def setup(self, worker: Worker) -> None:
        """Begin with an empty pool, once the plugin has reached the worker."""
        self.pool = ServerPool()
        self._timer: threading.Timer | None = None

    def grade_job(self, job: Job) -> JobResult:
        """Grade a job."""
        result = self.pool.grade_job(job)
        self._stop_timer()
        self._timer = threading.Timer(IDLE_SECONDS, self.pool.end_idle)
        self._timer.daemon = True
        self._timer.start()
        return result

    async def teardown(self, worker: Worker) -> None:
        """End the grading servers."""
        self._stop_timer()
        # Done in a thread, since the worker's event loop must still answer the scheduler.
        await asyncio.to_thread(self.pool.close)

    def _stop_timer(self) -> None:
        if self._timer is not None:
            self._timer.cancel()


@contextlib.contextmanager
def cluster_servers(scheduler: str) -> Iterator[Submit]:
    """Grade submissions on a cluster whose workers have this repository.

    Args:
        scheduler: address of its Dask scheduler.
    """
    # The name is unique, since another grading may use the same cluster at the same time.
    plugin = f"grading servers {uuid.uuid4()}"
    with Client(scheduler) as client:
        client.register_plugin(PoolPlugin(), name=plugin)
        submit, numbers = client.get_executor(pure=False).submit, itertools.count()

        def submit_job(job: Job) -> Future[JobResult]:
            return submit(_grade_job, plugin, next(numbers), job)

        try:
            yield submit_job
        finally:
            # If the cluster is gone, so are its grading servers.
            with contextlib.suppress(OSError):
                client.unregister_worker_plugin(plugin)


def _grade_job(plugin: str, number: int, job: Job) -> JobResult:
    # Dask would begin a job again after each loss of a worker, of which the job may be the reason.
    starts = [Event(f"{plugin}, start {start} of job {number}") for start in range(MAX_STARTS)]
    start = next((each for each in starts if not each.is_set()), None)
    if start is None:
        return JobResult.fault(job, f"expected a worker of the cluster to survive the job, got the end of {MAX_STARTS}")
    start.set()
    return get_worker().plugins[plugin].grade_job(job)
