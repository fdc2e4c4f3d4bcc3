"""Where a run comes from: versions, machine, commit, digests, the scenario's file."""

from linksim.report.page.markup import element, fragment
from linksim.report.page.tables import folded, table


def section(run):
    """The section's content, of the latest session of the run.

    Parameters
    ----------
    run : linksim.report.page.folder.Run
    """
    session = run.sessions[-1] if run.sessions else {}
    machine, pictures = session.get("machine") or {}, session.get("pictures") or {}
    facts = {
        "linksim": session.get("linksim"),
        "commit": session.get("commit"),
        "started": session.get("started"),
        "sessions": len(run.sessions),
        "tasks": sum(each.get("tasks", 0) for each in run.sessions),
        "wall time": f"{sum(each.get('wall_seconds', 0) for each in run.sessions):.0f} s",
        "workers": session.get("workers"),
        "seed": session.get("seed"),
        "machine": ", ".join(
            str(part) for part in (machine.get("processor"), _cores(machine), machine.get("platform")) if part
        ),
        "Python": machine.get("python"),
        "pictures, SHA-256": pictures.get("digest"),
        "pictures skipped": ", ".join(map(str, pictures.get("skipped") or ())),
    }
    listed = element(
        "dl",
        *(
            fragment(element("dt", name), element("dd", element("code", value)))
            for name, value in facts.items()
            if value not in (None, "")
        ),
        class_="facts",
    )
    weights, packages = session.get("weights") or {}, session.get("packages") or {}
    return fragment(
        listed,
        folded(
            f"Weights ({len(weights)})",
            table(
                "SHA-256 of the weights",
                ("weights", "SHA-256"),
                weights.items(),
                text=(0, 1),
                class_="digests",
            ),
        )
        if weights
        else None,
        folded(
            f"Packages ({len(packages)})",
            element(
                "ul",
                *(element("li", f"{name} {version}") for name, version in packages.items()),
                class_="packages",
            ),
        )
        if packages
        else None,
        folded(
            "The scenario with all its defaults (scenario.yaml)",
            element("pre", element("code", run.scenario_text)),
        ),
    )


def _cores(machine):
    return f"{machine['cores']} cores" if machine.get("cores") else None
