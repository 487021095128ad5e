from kgprism.platform.batch import Batch, Pairs  # noqa: F401
