"""What an agent may use, one module a tool or a group of them."""
