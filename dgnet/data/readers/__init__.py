"""One file per way of storing a data set; `dgnet.data.datasets` chooses between them."""
