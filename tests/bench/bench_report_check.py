"""The report check on the IU chest reports: scores by kind of change, order, and F1 of the finding labels.

Development was on reports with odd numbers; the table is of the even ones.
Run: python -m tests.bench.bench_report_check
"""

import argparse
import time
from statistics import stdev

from tests.iu_labels import f1, most_common
from tests.iu_reports import iu_reports
from tests.report_changes import EXTRA, OTHER, SAME
from tests.report_figures import LIMITS, ORDERED, measure


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--every", type=int, default=1, help="Take one report in so many.")
    parser.add_argument("--development", action="store_true", help="The half that rules were written on.")
    options = parser.parse_args()
    half = iu_reports(reported=not options.development)
    reports = half[:: options.every]
    begin = time.process_time()
    figures = measure(reports)
    seconds = time.process_time() - begin
    print(f"{len(reports)} reports, {figures.unreadable} of them without a statement that can be read\n")
    print(f"{'change':28}{'n':>6}{'mean':>8}{'± 95 %':>9}{'to reach':>10}")
    for name in (*SAME, *OTHER, *EXTRA):
        scores = figures.scores[name]
        half_width = 1.96 * stdev(scores) / len(scores) ** 0.5
        limit = f"{'≥' if name in SAME else '≤'} {LIMITS[name]:.2f}" if name in LIMITS else ""
        print(f"{name:28}{len(scores):6}{figures.mean(name):8.3f}{half_width:9.3f}{limit:>10}")
    part = figures.ordered_part
    print(f"\nevery change of meaning below every paraphrase: {part:.1%} of {len(figures.ordered)} (≥ {ORDERED:.0%})")
    everything = (*iu_reports(False), *iu_reports(True))
    labels = most_common(everything, 10)
    print(f"\n{'finding label':28}{'n':>6}{'F1':>8}   (ten most common, ≥ 0.85)")
    for label, (score, count) in f1(reports, labels).items():
        print(f"{label:28}{count:6}{score:8.3f}")
    checks = sum(map(len, figures.scores.values()))
    print(f"\n{1000 * seconds / checks:.1f} ms of processor time a check")


if __name__ == "__main__":
    main()
