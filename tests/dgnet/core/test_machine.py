"""The facts that stand beside a measured figure."""

import json
import os

import torch

from dgnet.core.machine import machine, versions


def test_the_facts_are_plain_and_complete():
    facts = machine() | versions()
    assert facts["torch"] == torch.__version__ and facts["cpu"] and facts["numpy"]
    assert 1 <= facts["cores"] <= (os.cpu_count() or 1)
    json.dumps(facts)
