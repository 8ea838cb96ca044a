# cmake -DOUTPUT=install_texts.c -DFOLDER=manifests "-DFILES=base/account.yaml ..." -P install_texts.cmake: manifests as C arrays, by file.
set(arrays "")
set(rows "")
string(REPLACE " " ";" files "${FILES}")
foreach(file ${files})
  string(MAKE_C_IDENTIFIER ${file} name)
  file(READ ${FOLDER}/${file} bytes HEX)
  string(REGEX REPLACE "([0-9a-f][0-9a-f])" "0x\\1," bytes "${bytes}")
  string(APPEND arrays "static const unsigned char ${name}[] = {${bytes}};\n")
  string(APPEND rows "\t{\"manifests/${file}\", ${name}, sizeof(${name})},\n")
endforeach()
file(WRITE ${OUTPUT} "#include \"agent/commands/install.h\"\n\n${arrays}\n"
  "const struct install_text install_texts[] = {\n${rows}\t{NULL, NULL, 0},\n};\n")
