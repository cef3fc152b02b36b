"""What happens to the data: pure functions, and one PTransform family a file over them."""
