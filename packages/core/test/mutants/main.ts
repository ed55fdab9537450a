process.stdout.write("mutants: none yet\n")
