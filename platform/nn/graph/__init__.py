"""How entities speak to their neighbours: the graphs, and the layers over them."""
