"""``kgprism jobs``: what was submitted to a cluster, its logs, and its end."""

from dataclasses import asdict
from typing import Annotated

import typer

from kgprism.platform.cli.commands.submit import Address, watch
from kgprism.platform.cli.options import Json
from kgprism.platform.cli.screen import say, show_json, show_table

app = typer.Typer(help="Jobs on a cluster: list, logs, stop.", invoke_without_command=True)

Name = Annotated[str, typer.Argument(metavar="ID", help="An id from `kgprism jobs`.")]


@app.callback()
def list_jobs(context: typer.Context, address: Address = None, json: Json = False) -> None:
    """List the jobs of a cluster, newest first; `kgprism jobs logs ID` and `kgprism jobs stop ID` work on one."""
    if context.invoked_subcommand:
        context.obj = address
        return
    from kgprism.platform.cluster.jobs import connect

    jobs = connect(address).list()
    if json:
        show_json([asdict(job) for job in jobs])
        return
    times = [job.since.astimezone().strftime("%Y-%m-%d %H:%M:%S") if job.since else "" for job in jobs]
    rows = [(job.id, job.command, job.state, since) for job, since in zip(jobs, times, strict=True)]
    show_table(("id", "command", "state", "since"), rows)


@app.command()
def logs(
    context: typer.Context,
    name: Name,
    follow: Annotated[bool, typer.Option("--follow", "-f", help="Stay until the job ends.")] = False,
    address: Address = None,
) -> None:
    """Print what a job has written so far, or follow it to its end."""
    from kgprism.platform.cluster.jobs import connect

    address = address or context.obj
    jobs = connect(address)
    if follow:
        watch(jobs, name, address)
    else:
        say(jobs.log(name).removesuffix("\n"))


@app.command()
def stop(context: typer.Context, name: Name, address: Address = None) -> None:
    """End a job; its finished runs are kept, and the same command goes on from there."""
    from kgprism.platform.cluster.jobs import connect

    running = connect(address or context.obj).stop(name)
    say(f"{name}: {'stopping; finished runs are kept' if running else 'had ended before'}")
