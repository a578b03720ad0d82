"""Stage of the circuit: the way back from a class through the network, each step measured."""
