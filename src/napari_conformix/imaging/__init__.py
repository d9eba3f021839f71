"""Image formation in torch: pure functions; the tensor decides device and dtype."""
