"""When schedules fire: pure decisions from what a schedule says, a calendar and a moment."""
