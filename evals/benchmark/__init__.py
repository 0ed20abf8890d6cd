"""What the coach costs in time and memory, each number beside a reference measured in the same run.

How good its answers are is measured elsewhere in `evals`.
"""
