# code.awk - a C file without its comments and without what stands in literals; line numbers stay
BEGIN { CODE = 0; COMMENT = 1 }
{
	line = $0
	out = ""
	while (line != "") {
		if (state == COMMENT) {
			end = index(line, "*/")
			if (!end)
				break
			line = substr(line, end + 2)
			state = CODE
			continue
		}
		if (!match(line, /\/\*|\/\/|"|'/)) {
			out = out line
			break
		}
		out = out substr(line, 1, RSTART - 1)
		mark = substr(line, RSTART, RLENGTH)
		line = substr(line, RSTART + RLENGTH)
		if (mark == "/*") {
			state = COMMENT
		} else if (mark == "//") {
			break
		} else {
			# To the closing quote, which is the first one without a backslash before it.
			if (mark == "\"")
				match(line, /^([^"\\]|\\.)*"/)
			else
				match(line, /^([^'\\]|\\.)*'/)
			# The names of headers stay readable for the rules about includes.
			if ($0 ~ /^#[ \t]*include/)
				out = out mark substr(line, 1, RLENGTH)
			else
				out = out mark mark
			line = RLENGTH > 0 ? substr(line, RLENGTH + 1) : ""
		}
	}
	print out
}
