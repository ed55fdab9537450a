process.stdout.write(`workstation ${process.argv.slice(2).join(" ")}\n`)
