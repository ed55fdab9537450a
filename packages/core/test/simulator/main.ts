process.stdout.write("simulator: nothing to simulate yet\n")
