"""Pure decisions: values in, values out. No I/O, no clock, no asyncio; time and chance are arguments."""
