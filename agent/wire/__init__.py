"""Questions with deadlines: what is asked, and the three ways in which a question can end."""
