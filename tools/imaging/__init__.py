"""Reading images, their geometry, and pictures of them."""
