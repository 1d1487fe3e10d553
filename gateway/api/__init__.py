"""HTTP as clients see it: inference endpoints, models, health, metrics; and the usage API of the control process."""
