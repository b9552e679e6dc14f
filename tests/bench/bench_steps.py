"""The step of one token as it is read: growing, in fixed buffers, and compiled there. Equal, and how fast.

With a small random model, so that it runs anywhere: what it shows is that `torch.compile` takes the step as
one graph, once for each size of buffer and never for a token, and that what it computes is the same.
Run: python -m tests.bench.bench_steps [--device cuda]
"""

import argparse
import json
import statistics
import time

import torch
from torch._dynamo.utils import counters

from agents.citrus_v.generation import generate
from agents.citrus_v.reader import Turn
from agents.citrus_v.steps import StaticSteps
from tests.agents.citrus_v import tiny


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--tokens", type=int, default=100)
    parser.add_argument("--capacity", type=int, default=128, help="of the first buffer")
    arguments = parser.parse_args()
    model = tiny.model().to(arguments.device)
    prompt = tiny.reader(model)._prompt(Turn.ask("What is it?", tiny.picture(0)))
    words = [40 + index % 20 for index in range(arguments.tokens)]
    words[::7] = [tiny.SEG] * len(words[::7])
    script = tiny.script(words)

    def choose(logits: torch.Tensor, said: object) -> torch.Tensor:
        return script(logits, said).to(arguments.device)

    report = {}
    reference = generate(model, [prompt], arguments.tokens, choose)[0].segments
    for name, steps in (
        ("growing", None),
        ("static", StaticSteps(model, compiled=False, capacity=arguments.capacity)),
        ("compiled", StaticSteps(model, compiled=True, capacity=arguments.capacity)),
    ):
        before = counters["stats"]["unique_graphs"]
        began = time.perf_counter()
        generate(model, [prompt], arguments.tokens, choose, steps=steps)
        first = time.perf_counter() - began
        seconds = []
        for _ in range(3):
            began = time.perf_counter()
            found = generate(model, [prompt], arguments.tokens, choose, steps=steps)[0]
            seconds.append(time.perf_counter() - began)
        report[name] = {
            "first_answer_s": round(first, 3),
            "token_ms": round(1000 * statistics.median(seconds) / arguments.tokens, 3),
            "largest_difference_of_a_state": float((found.segments - reference).abs().max()),
            "buffers": sorted(steps._buffers) if steps else [],
            "graphs": counters["stats"]["unique_graphs"] - before,
        }
    print(json.dumps(report, indent=2))


if __name__ == "__main__":
    main()
