process.stdout.write("bench: nothing to measure yet\n")
