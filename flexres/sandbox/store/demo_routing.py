"""Task queues and Workflows to begin with: those that the people of a small contact centre would work in."""

from __future__ import annotations

import json
from collections.abc import Mapping

from flexres.sandbox.store.database import Store
from flexres.sandbox.taskrouter.named_table import Value

_BEGUN = "routing"
_QUEUES: Mapping[str, str] = {
    "Everyone": "1==1",
    "Billing EN": 'routing.skills HAS "billing" AND languages HAS "en"',
    "Billing Senior": 'routing.skills HAS "billing" AND routing.levels.billing >= 4',
    "Billing Evenings": "routing.skills HAS 'billing' AND shift.pattern == 'evenings'",
    "Returns": 'routing.skills HAS "returns"',
    "Technical": 'routing.skills HAS "technical" AND routing.levels.technical >= 3',
    "VIP": 'vip_desk == true AND (routing.skills HAS "billing" OR routing.skills HAS "technical")',
    "Escalations": 'routing.skills HAS "escalations"',
    "Sales": 'routing.skills HAS "sales"',
    "Sales ES": 'routing.skills HAS "sales" AND languages HAS "es"',
    "Casework": 'routing.skills HAS "casework" AND routing.levels.casework >= 2',
    "Fraud": 'routing.skills HAS "fraud" AND location IN ["London", "Vienna"]',
    "Supervisors": 'roles HAS "supervisor"',
}
_CARE = (
    ("VIP", 'task.vip == true AND task.topic == "billing"', ("VIP", "Billing Senior", "Supervisors")),
    ("Billing after six", 'task.topic == "billing" AND task.hour >= 18', ("Billing Evenings",)),
    ("Billing", 'task.topic == "billing"', ("Billing EN", "Billing Senior")),
    ("Returns", 'task.topic == "returns"', ("Returns",)),
    ("Technical", 'task.topic == "technical"', ("Technical", "Escalations")),
    ("Complaints", 'task.topic == "complaint"', ("Escalations", "Supervisors")),
)
_SALES = (
    ("Spanish", 'task.language == "es"', ("Sales ES", "Sales")),
    ("Anything else", "1==1", ("Sales",)),
)
_BACK_OFFICE = (
    ("Fraud", 'task.kind == "fraud"', ("Fraud", "Supervisors")),
    ("Cases", 'task.kind == "case"', ("Casework",)),
)
_WORKFLOWS = {"Assign to Anyone": (), "Customer Care": _CARE, "Sales": _SALES, "Back Office": _BACK_OFFICE}


def begin_routing(store: Store) -> None:
    """Puts the queues and Workflows in place, once in the life of a state: what people change or remove stays so."""
    with store.transaction():
        if store.setting(_BEGUN) is not None:
            return
        store.set_setting(_BEGUN, "demo")
        sids = {name: store.identity.derived_sid("WQ", name) for name in _QUEUES}
        for name, expression in _QUEUES.items():
            if store.task_queues.by_name(name) is None:
                queue = {"friendly_name": name, "target_workers": expression}
                store.task_queues.insert(
                    sids[name], {"task_order": "FIFO", "max_reserved_workers": 1, **queue}, noted=False
                )
        for name, filters in _WORKFLOWS.items():
            if store.workflows.by_name(name) is None:
                configuration = json.dumps(_configuration(filters, sids))
                values: dict[str, Value] = {
                    "friendly_name": name,
                    "configuration": configuration,
                    "task_reservation_timeout": 120,
                }
                store.workflows.insert(store.identity.derived_sid("WW", name), values, noted=False)


def _configuration(filters: tuple[tuple[str, str, tuple[str, ...]], ...], sids: Mapping[str, str]) -> object:
    """Each filter tries its queues in turn, half a minute each, and ends in the last."""
    listed = [
        {
            "filter_friendly_name": name,
            "expression": expression,
            "targets": [{"queue": sids[queue], "timeout": 30} for queue in queues[:-1]] + [{"queue": sids[queues[-1]]}],
        }
        for name, expression, queues in filters
    ]
    return {"task_routing": {"filters": listed, "default_filter": {"queue": sids["Everyone"]}}}
