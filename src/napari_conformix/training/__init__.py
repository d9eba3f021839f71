"""What every method shares: the contract, the loop, batches, checkpoints, results.

Its modules are imported one by one, since most need torch and some must not.
"""
