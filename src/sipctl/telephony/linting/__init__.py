"""What is wrong with trunks and rules, by proof: faults that hold for some call, or for every call."""
