"""The parts of `init`: the questions, what they propose, and the files it writes."""
