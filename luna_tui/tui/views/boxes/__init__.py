"""What the boxes over a screen say: the effect and the price, before anything is done."""
