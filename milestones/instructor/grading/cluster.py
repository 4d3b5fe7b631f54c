"""Grading on a Dask cluster: each of its worker processes has a pool of grading servers of its own."""

import asyncio
import contextlib
import functools
import uuid
from collections.abc import Iterator

from distributed import Client, Worker, WorkerPlugin, get_worker

from milestones.instructor.records import Job, JobResult
from milestones.instructor.sandbox.server_pool import ServerPool, Submit


class PoolPlugin(WorkerPlugin):
    """Plugin of a cluster's workers that keeps their grading servers for the time of one grading."""

    def setup(self, worker: Worker) -> None:
        """Begin with an empty pool, once the plugin is where it is needed."""
        self.pool = ServerPool()

    async def teardown(self, worker: Worker) -> None:
        """End the grading servers."""
        # In a thread, since the worker's event loop has to answer the scheduler meanwhile.
        await asyncio.to_thread(self.pool.close)


@contextlib.contextmanager
def cluster_servers(scheduler: str) -> Iterator[Submit]:
    """Have submissions graded by a cluster whose workers have this repository.

    Args:
        scheduler: address of its Dask scheduler.
    """
    # A name of its own, since another grading may use the same cluster at the same time.
    plugin = f"grading servers {uuid.uuid4()}"
    with Client(scheduler) as client:
        client.register_plugin(PoolPlugin(), name=plugin)
        try:
            yield functools.partial(client.get_executor(pure=False).submit, _grade_job, plugin)
        finally:
            # A cluster that is gone has taken its grading servers with it.
            with contextlib.suppress(OSError):
                client.unregister_worker_plugin(plugin)


def _grade_job(plugin: str, job: Job) -> JobResult:
    return get_worker().plugins[plugin].pool.grade_job(job)
