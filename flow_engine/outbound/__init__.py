"""The one door through which flows reach other servers; both hosts use it, SMS gateways included."""
