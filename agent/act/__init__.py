"""What is done: taking office, handing over, following."""
