"""Networks: cells, encoder, attention, heads, samplers, and the engine that runs a trained one."""
