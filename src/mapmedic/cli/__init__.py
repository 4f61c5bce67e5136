"""One file a command: parse the words, call the api, print, exit with the contract's code."""
