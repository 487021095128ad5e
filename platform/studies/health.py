"""Whether Ray starts here and its State API answers, without which nested trainers leak placement groups."""

import ray
from ray.exceptions import RayError
from ray.util.state import list_nodes
from ray.util.state.exception import RayStateApiException

from kgprism.platform.errors import RunError
from kgprism.platform.studies.session import session


def probe() -> str:
    """Start or join Ray, ask its State API, and say what it has.

    Raises:
        RunError: if Ray does not start, or its State API does not answer.
    """
    try:
        with session():
            # By its address: another session may be running on this machine.
            here = ray.get_runtime_context().gcs_address
            nodes = [node for node in list_nodes(address=here) if node.state == "ALIVE"]
            has = ray.cluster_resources()
    except RayStateApiException as error:
        raise RunError(f"the State API does not answer: {_first(error)}") from None
    except (OSError, RuntimeError, ValueError, RayError) as error:
        raise RunError(f"Ray does not start: {_first(error)}") from None
    if not nodes:
        raise RunError("the State API knows no node")
    return f"{len(nodes)} node, {has.get('CPU', 0):g} CPU, {has.get('GPU', 0):g} GPU; State API answers"


def _first(error: BaseException) -> str:
    return (str(error).strip().splitlines() or [type(error).__name__])[0]
