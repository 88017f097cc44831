"""Score anyone's answers: read them, match them with the truth, report every figure."""
