# cmake -DOUTPUT=page.c -DFOLDER=agent/page -P embed.cmake: the status page's files as C arrays.
set(text "#include \"agent/page/page.h\"\n")
foreach(pair html=page.html css=page.css js=page.js icon=icon.svg)
  string(REPLACE "=" ";" pair ${pair})
  list(GET pair 0 name)
  list(GET pair 1 file)
  file(READ ${FOLDER}/${file} bytes HEX)
  string(REGEX REPLACE "(................................)" "\\1\n\t" bytes "${bytes}")
  string(REGEX REPLACE "([0-9a-f][0-9a-f])" "0x\\1," bytes "${bytes}")
  string(APPEND text "\nconst unsigned char page_${name}[] = {\n\t${bytes}\n};\n"
    "const size_t page_${name}_length = sizeof(page_${name});\n")
endforeach()
file(WRITE ${OUTPUT} "${text}")
