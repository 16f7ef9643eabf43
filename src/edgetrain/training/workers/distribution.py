"""How a step of training is shared: done by one device, by the GPUs of this host, or by several processes.

Each replica works on its part of the batch; gradients, losses and the statistics of batch normalization are added up
before the weights change, so all have the same weights after each step. ``tf.distribute`` does the adding:
``MirroredStrategy`` between GPUs, ``MultiWorkerMirroredStrategy`` between processes. A worker keeps its variables to
itself and sends sums alone, so the first of them saves, judges and continues as a training by itself does.
"""

from __future__ import annotations

import re
import signal
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext
from typing import TypeVar

import tensorflow as tf
from tensorflow.python.eager import context
from tensorflow.python.eager.context import coordination_config_pb2

from edgetrain.core.errors import SettingsError, TrainingError
from edgetrain.training.workers.cluster import Cluster

_Batch = TypeVar("_Batch")
_Result = TypeVar("_Result")
_Step = Callable[[_Batch], _Result]

_LONGEST_REASON = 300
_MEETING_OVER_SECONDS = 60
_GONE = (
    tf.errors.UnavailableError,
    tf.errors.AbortedError,
    tf.errors.CancelledError,
    tf.errors.DeadlineExceededError,
    tf.errors.FailedPreconditionError,
    tf.errors.InternalError,
)


class Distribution:
    """One device does it all.

    ``replicas`` work on a step; this process makes part ``part`` of ``parts`` of the batch.
    """

    replicas = 1
    parts = 1
    part = 0

    def refuse_batch(self, size: int) -> None:
        """Raise if a batch cannot be shared equally.

        Raises:
            SettingsError: says which sizes can.
        """
        if size % self.replicas:
            raise SettingsError(
                f"training.batch_size {size} cannot be shared by {self.replicas} replicas. Give a multiple of "
                f"{self.replicas}."
            )

    def scope(self) -> AbstractContextManager[None]:
        """Return the context in which variables are made."""
        return nullcontext()

    def start(self, variables: Sequence[tf.Variable]) -> None:
        """Give all replicas the variables of the first."""

    def run(self, step: _Step[_Batch, _Result], batch: _Batch, statistics: Sequence[tf.Variable]) -> _Result:
        """Run a step on each replica's part of this process' batch and return its result, the same on all.

        Args:
            step: called while a graph is traced.
            batch: a structure of tensors whose first axis is that of the pictures.
            statistics: variables that the step changes by its part of the batch alone: their changes are averaged.
        """
        del statistics
        return step(batch)

    def summed(self, tensors: Sequence[tf.Tensor]) -> list[tf.Tensor]:
        """Return the sums over all replicas, in a step."""
        return list(tensors)

    def of_first(self, value: float) -> float:
        """Return the number that the first process has."""
        return value

    @contextmanager
    def explained(self) -> Iterator[None]:
        """Say of a failure in the block if it is that of another process."""
        yield


ALONE = Distribution()


class Gpus(Distribution):
    """Several devices of this host, each with a copy of every variable (``MirroredStrategy``)."""

    def __init__(self, devices: Sequence[str] | None = None) -> None:
        """Take devices by name; by default all GPUs.

        Raises:
            SettingsError: there are fewer than two.
        """
        found = devices or [f"GPU:{number}" for number in range(len(tf.config.list_physical_devices("GPU")))]
        if len(found) < 2:  # noqa: PLR2004
            raise SettingsError(
                f"training.distribution is gpus, but TensorFlow sees {len(found)} of them here. Give none instead; "
                'GPUs need the environment of "ci/inv --profile gpu".'
            )
        self._strategy = tf.distribute.MirroredStrategy(list(found))
        self.replicas = len(found)

    def scope(self) -> AbstractContextManager[None]:
        """Return the context in which each variable has a copy on each GPU."""
        scope: AbstractContextManager[None] = self._strategy.scope()
        return scope

    def run(self, step: _Step[_Batch, _Result], batch: _Batch, statistics: Sequence[tf.Variable]) -> _Result:
        """Run a step on each GPU at once, each with its part of the batch."""
        del statistics  # a mirrored variable averages itself

        def on_replica(whole: _Batch) -> _Result:
            number = tf.distribute.get_replica_context().replica_id_in_sync_group
            size = tf.shape(tf.nest.flatten(whole)[0])[0] // self.replicas
            part: _Batch = tf.nest.map_structure(lambda tensor: tensor[number * size : (number + 1) * size], whole)
            return step(part)

        results = self._strategy.run(on_replica, (batch,))
        first: _Result = tf.nest.map_structure(lambda one: self._strategy.experimental_local_results(one)[0], results)
        return first

    def summed(self, tensors: Sequence[tf.Tensor]) -> list[tf.Tensor]:
        """Return the sums over all GPUs."""
        return list(tf.distribute.get_replica_context().all_reduce(tf.distribute.ReduceOp.SUM, list(tensors)))


class Workers(Distribution):
    """Several processes, each with one device and variables of its own (``MultiWorkerMirroredStrategy``)."""

    def __init__(self, cluster: Cluster) -> None:
        """Connect to the other workers, who must all be about to do the same.

        Raises:
            SettingsError: this process sees several GPUs.
            TrainingError: they cannot be reached, or TensorFlow has computed in this process before.
        """
        gpus = tf.config.list_physical_devices("GPU")
        if len(gpus) > 1:
            raise SettingsError(
                f"training.distribution is workers, and this one sees {len(gpus)} GPUs. Start one worker for each, "
                "with CUDA_VISIBLE_DEVICES."
            )
        self._cluster = cluster
        self.replicas = self.parts = len(cluster)
        self.part = cluster.index
        resolver = tf.distribute.cluster_resolver.SimpleClusterResolver(
            tf.train.ClusterSpec({"worker": list(cluster.addresses)}),
            task_type="worker",
            task_id=cluster.index,
            rpc_layer="grpc",
        )
        _end_a_vain_wait(len(cluster))
        try:
            self._strategy = tf.distribute.MultiWorkerMirroredStrategy(resolver)
        except RuntimeError as error:
            raise TrainingError(
                f'train: {error}. TensorFlow has computed in this process before: run "ci/inv pipeline --to configure" '
                'first, then "ci/inv train" by itself.'
            ) from error
        except tf.errors.OpError as error:
            raise TrainingError(
                f"train: worker {cluster.index} cannot join the others ({_reason(error)}). Start all workers again."
            ) from error
        # TensorFlow has taken the signal for itself, and does nothing when it comes.
        signal.signal(signal.SIGTERM, signal.SIG_DFL)

    def start(self, variables: Sequence[tf.Variable]) -> None:
        """Give all workers the variables of the first."""
        for kind in sorted({variable.dtype.name for variable in variables}):  # one sum is of one type
            of_kind = [variable for variable in variables if variable.dtype.name == kind]
            given = [variable.value() if self._cluster.index == 0 else tf.zeros_like(variable) for variable in of_kind]
            for variable, value in zip(of_kind, self._sum(given)):
                variable.assign(value)

    def run(self, step: _Step[_Batch, _Result], batch: _Batch, statistics: Sequence[tf.Variable]) -> _Result:
        """Run a step on this worker, and average what batch normalization saw on all."""
        before = [tf.identity(variable) for variable in statistics]
        result = step(batch)
        changes = self.summed([variable - value for variable, value in zip(statistics, before)])
        for variable, value, change in zip(statistics, before, changes):
            variable.assign(value + change / self.replicas)
        return result

    def summed(self, tensors: Sequence[tf.Tensor]) -> list[tf.Tensor]:
        """Return the sums over all workers."""

        def on_replica(*own: tf.Tensor) -> list[tf.Tensor]:
            here = [tf.identity(tensor) for tensor in own]  # on the device of this replica
            return list(tf.distribute.get_replica_context().all_reduce(tf.distribute.ReduceOp.SUM, here))

        return list(self._strategy.run(on_replica, tuple(tensors)))

    def of_first(self, value: float) -> float:
        """Return the number that the first worker has."""
        return float(self._total(tf.constant(value if self._cluster.index == 0 else 0.0, tf.float64)))

    @tf.function(autograph=False)
    def _total(self, number: tf.Tensor) -> tf.Tensor:
        return self.summed([number])[0]

    def _sum(self, tensors: Sequence[tf.Tensor]) -> list[tf.Tensor]:
        return list(tf.function(lambda: self.summed(tensors), autograph=False)())

    @contextmanager
    def explained(self) -> Iterator[None]:
        """Say of a failure in the block if it is that of another worker."""
        try:
            yield
        except _GONE as error:
            raise TrainingError(
                f"train: worker {self._cluster.index} has probably lost another one ({_reason(error)}), whose own "
                "output says why it ended. Start all workers again: they go on from worker 0's last checkpoint."
            ) from error


def _end_a_vain_wait(workers: int) -> None:
    """Let TensorFlow give up if another worker has gone since the meeting; it would wait for an hour."""
    job = coordination_config_pb2.CoordinatedJob(name="worker", num_tasks=workers)
    context.context().configure_coordination_service(
        service_type="standalone",
        service_leader="/job:worker/replica:0/task:0",
        cluster_register_timeout_in_ms=_MEETING_OVER_SECONDS * 1000,
        coordinated_jobs=[job],
    )


def _reason(error: tf.errors.OpError) -> str:
    """Return what TensorFlow says, without where in its graph it was said."""
    graph = ("[[", "File ", "Detected at", "Graph execution", ":{")
    lines = [line.strip() for line in str(error.message).splitlines()]
    said = [line for line in lines if line and not line.startswith(graph)]
    words = re.sub(r"\{\{.*?\}\}|Collective ops is aborted by: ", "", said[0] if said else "").strip()
    return words[:_LONGEST_REASON] or type(error).__name__
