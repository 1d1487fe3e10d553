"""What people and programs may change while the gateway runs: each change checked, made, written down and told."""
