"""What a person or a program reads: terminal, HTML, JSON. Imports the model, never a capture."""
