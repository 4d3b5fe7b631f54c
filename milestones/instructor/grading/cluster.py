"""Grading on a Dask cluster, each of whose worker processes has its own pool of grading servers."""

import asyncio
import contextlib
import functools
import uuid
from collections.abc import Iterator

from distributed import Client, Worker, WorkerPlugin, get_worker

from milestones.instructor.records import Job, JobResult
from milestones.instructor.sandbox.server_pool import ServerPool, Submit


class PoolPlugin(WorkerPlugin):
    """Plugin that keeps the grading servers of a cluster's worker for the duration of one grading."""

    def setup(self, worker: Worker) -> None:
        """Begin with an empty pool, once the plugin has reached the worker."""
        self.pool = ServerPool()

    async def teardown(self, worker: Worker) -> None:
        """End the grading servers."""
        # Done in a thread, since the worker's event loop must still answer the scheduler.
        await asyncio.to_thread(self.pool.close)


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
        try:
            yield functools.partial(client.get_executor(pure=False).submit, _grade_job, plugin)
        finally:
            # If the cluster is gone, so are its grading servers.
            with contextlib.suppress(OSError):
                client.unregister_worker_plugin(plugin)


def _grade_job(plugin: str, job: Job) -> JobResult:
    return get_worker().plugins[plugin].pool.grade_job(job)
