"""What TensorBoard shows of a suite besides its runs: the table as text, figure and differences as images, columns."""

from io import BytesIO
from pathlib import Path

from kgprism.platform.studies.reports.board.tensorboard import PNG, write_columns, write_images, write_table
from kgprism.platform.studies.reports.entries import Table
from kgprism.platform.studies.reports.figures.forest import forests
from kgprism.platform.studies.reports.figures.plot import any_letter
from kgprism.platform.studies.store.runs import Store


def show(events: Path, table: Table, figure: Path, store: Store) -> None:
    """Write all of it below a suite's folder of event files; `figure` is a PNG, where the suite has one."""
    write_table(events / "table", table)
    drawn = figure.read_bytes() if figure.is_file() else b""
    images = {"figure": drawn} if drawn.startswith(PNG) else {}
    with any_letter():
        for title, drawing in forests(table):
            file = BytesIO()
            drawing.savefig(file, format="png")
            images[f"differences/{title}"] = file.getvalue()
    write_images(events / "figures", images)
    write_columns(events, store, {"variant": [row.id for row in table.rows if row.measured]})
