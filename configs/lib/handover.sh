hand_over() { successor=''; }
